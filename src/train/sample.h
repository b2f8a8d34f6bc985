/* Training samples: from sets of structures (data/set.h) to what a step takes (train/trainer.h).
 *
 *   set    by weight, then a point of it: a chain, or two that touch     data/draw.h
 *   entry  of which, if it has too many chains, those near a token stay  data/crop.h
 *   crop   the tokens that the network sees                              data/crop.h
 *   features of the crop, as those of a prediction are made              feat/build.h
 *            from the alignments of its chains, with rows of the main block drawn at random
 *   truth  the atoms that the crop's may be: of all copies of its molecules, or, in a spatial crop, of those
 *          that are in it (AF3 SI 4.2)
 *   labels which molecules are copies of each other, and which atoms may change places   train/molecules.h
 *   weights of the losses: by stage, resolution and kind of set          train/losses.h
 *
 * All of it is a function of (seed, step, slot), slot being the place in the step's batch: whatever was made
 * before, and by however many threads and processes. Templates are absent. Ligands of several components have
 * a conformer for each, as in predictions, where OpenFold3 makes one of the whole when it trains. */
#ifndef OF3_TRAIN_SAMPLE_H
#define OF3_TRAIN_SAMPLE_H

#include "data/crop.h"
#include "data/draw.h"
#include "model/network.h"
#include "train/trainer.h"

enum { OF3_SAMPLE_ATTEMPTS = 64 };

/* A set and how samples of it are made. */
typedef struct of3_sample_set {
  const char *path;
  double weight; /* sets are drawn in proportion to it */
  of3_draw_weights draw;
  of3_crop_rules crop;
  bool distilled;    /* predicted structures: no confidence losses */
  bool protein_only; /* the diffusion losses look at proteins alone */
} of3_sample_set;
#define OF3_SAMPLE_SET ((of3_sample_set){.weight = 1, .draw = OF3_DRAW_WEIGHTS, .crop = OF3_CROP_RULES})

typedef struct of3_sample_options {
  int n_set;
  const of3_sample_set *set;
  const of3_protocol *protocol; /* also which features: P1, P2 or OB */
  of3_train_stage stage;
  /* Components of ligands and modified residues, their conformers and symmetries; several threads may call
   * its functions at a time (of3_chemistry_library). */
  const of3_library *opt_library;
  uint64_t most_memory; /* bytes for the features of a sample; 0: any number */
  of3_cancel *opt_cancel;
} of3_sample_options;

typedef struct of3_sample_source of3_sample_source;

/* Opens the sets. What the options point to outlives the source, texts excepted. OF3_ERR_INPUT: nothing can
 * be drawn. Ownership: of3_sample_source_close. */
OF3_MUST_CHECK of3_status of3_sample_source_open(const of3_sample_options *options,
                                                 of3_sample_source **ret_source, of3_error *err);
void of3_sample_source_close(of3_sample_source *opt_source);
const of3_set *of3_sample_source_set(const of3_sample_source *source, int set);

typedef struct of3_sample {
  of3_train_entry entry;
  of3_features *crop;                /* entry.crop.f */
  char name[OF3_MAX_QUERY_NAME + 1]; /* of the entry */
  int set, point;                    /* point: -1 of of3_sample_whole */
  of3_crop_kind kind;
  uint64_t seed;          /* for the random numbers of a step with it: of3_sample_random */
  bool all_rows;          /* the rows of the MSA were drawn for all cycles at once (0.3.1) */
  int n_failed;           /* draws before this one of which no sample could be made */
  const char *why_failed; /* the last of them, or NULL */
  of3_arena *arena;
  /* Of of3_sample_whole: the complex whose atoms are those of the crop; what it points to is in the other
   * two. */
  of3_complex complex, entry_complex;
  of3_arena *entry_arena;
} of3_sample;

/* The sample of a slot. Where none can be made of what is drawn, the next draw of the slot takes its place.
 * OF3_ERR_INPUT: none of OF3_SAMPLE_ATTEMPTS can be used. Several threads may call it. Ownership:
 * of3_sample_free. */
OF3_MUST_CHECK of3_status of3_sample_make(const of3_sample_source *source, uint64_t seed, uint32_t step,
                                          uint32_t slot, of3_sample *out, of3_error *err);
/* An entry without a crop, all rows of its alignments in their order, for validation; nothing takes its
 * place. */
OF3_MUST_CHECK of3_status of3_sample_whole(const of3_sample_source *source, int set, int entry, uint64_t seed,
                                           of3_sample *out, of3_error *err);
void of3_sample_free(of3_sample *sample); /* {0} is allowed */

/* The random numbers of a step with the sample, which outlives them. */
of3_random_source of3_sample_random(const of3_sample *sample);

#endif
