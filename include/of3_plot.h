/* of3_plot.h: pictures of what of3 writes. See of3.h for errors, callbacks and ownership. */
#ifndef OF3_PLOT_H
#define OF3_PLOT_H

#include <stdbool.h>

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_plot_options {
  const char *out;   /* the folder of the pictures, made if it is missing; NULL: that of what they show */
  const char *title; /* NULL: the name of the file */
  bool svg, png;     /* which files to write */
  void (*wrote)(void *user, const char *path); /* told of each file; NULL: nobody is */
  void *user;
} of3_plot_options;

/* Draws a file, known by its ending, or all such files of a folder:
 *
 *   .._confidences.json   expected errors of positions (PAE), in NAME_pae
 *   .._model.cif[.gz]     pLDDT along the residues, in NAME_plddt; ModelCIF, as of3 writes it
 *   .a3m[.gz]             coverage of an alignment, in NAME_coverage
 *   train.csv             curves of a training run, with validation.csv beside it, in loss
 *
 * OF3_ERR_INPUT: it is none of these, or holds none. */
OF3_API OF3_MUST_CHECK of3_status of3_plot(const char *path, const of3_plot_options *options, of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
