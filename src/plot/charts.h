/* Charts of what of3 writes. Each returns a picture, which the caller frees; without memory one that
 * of3_picture_svg and of3_picture_png refuse, or NULL, which they refuse too. */
#ifndef OF3_PLOT_CHARTS_H
#define OF3_PLOT_CHARTS_H

#include "plot/picture.h"

/* Expected errors of positions: pae [n,n] in Angstrom, row: the token whose frame is aligned. */
of3_picture *of3_chart_pae(const char *title, const float *pae, int n);

/* plddt [n], 0 .. 100, along the residues of chains; starts [n]: where a chain begins. */
of3_picture *of3_chart_plddt(const char *title, const double *plddt, const bool *starts, int n);

/* An alignment: letter [rows,columns], row 0 the query, '-' a gap. Rows from the one most like the query, how
 * many of them have a residue in each column. */
of3_picture *of3_chart_alignment(const char *title, const uint8_t *letter, int rows, int columns);

/* Curves of a training run, from the texts of train.csv and, or NULL, validation.csv
 * (train/train_log.h). OF3_ERR_INPUT: the text has no columns step and loss. */
OF3_MUST_CHECK of3_status of3_chart_training(const char *title, const char *steps,
                                             const char *opt_validations, of3_picture **ret_picture,
                                             of3_error *err);

#endif
