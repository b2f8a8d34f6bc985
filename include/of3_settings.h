/* of3_settings.h: the settings of a run as a file, OpenFold3's runner YAML (docs/settings.md). See of3.h for
 * errors, callbacks and ownership. */
#ifndef OF3_SETTINGS_H
#define OF3_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A switch that nobody may have set. */
typedef enum of3_choice { OF3_UNSET, OF3_NO, OF3_YES } of3_choice;

typedef struct of3_names {
  bool given; /* else the generation's own, and n is 0 */
  int n;
  const char *const *name;
} of3_names;

typedef struct of3_row_cap {
  const char *name; /* of a file of an alignment, without extension */
  int rows;
} of3_row_cap;

/* dataset_config_kwargs.msa. Numbers that are 0 are the generation's own. */
typedef struct of3_msa_settings {
  int most_rows, most_paired;             /* of the stack, the query included; of these paired */
  int least_chains;                       /* in a row that is paired by species; may be 1 */
  int most_of_species;                    /* hits of a species that take part, for each chain */
  of3_names pairing_masks;                /* "shared_by_two", "less_than_600" */
  of3_names molecules;                    /* that have alignments: "protein", "rna" */
  of3_names to_pair, order, paired_order; /* names of files: of hits, of the main block, of paired rows */
  bool caps_given;                        /* else the generation's own */
  int n_cap;
  const of3_row_cap *cap; /* files that are read, and how many of their rows at most */
} of3_msa_settings;

/* template_preprocessor_settings, and dataset_config_kwargs.template. Negative: no limit was set. */
typedef struct of3_template_settings {
  int slots;                 /* n_templates, 1 to 4 */
  int least_tokens;          /* of a chain that has templates */
  int most_read, most_kept;  /* hits of a file; templates of a chain */
  double most_identity;      /* hits that are more like the query are left out */
  double least_coverage;     /* so are those that cover less of it */
  int least_length;          /* and those with fewer residues */
  const char *most_date;     /* and those released then or later: "2021-09-30"; NULL: no limit */
  double least_direct_score; /* identity times coverage, of structures that queries name */
  const char *structures;    /* folder of structures by entry, or NULL */
  const char *cache;         /* folder of template caches, or NULL */
  of3_choice fetch;          /* structures that are missing are fetched */
} of3_template_settings;

/* msa_computation_settings: how a server is asked for alignments, and what is kept of its answers. */
typedef struct of3_server_settings {
  bool npz;               /* alignments are kept as NPZ, else as A3M */
  const char *url;        /* NULL: the client's own */
  const char *user_agent; /* NULL: the client's own */
  bool save_mappings;     /* mappings/, JSON files of names */
  const char *folder;     /* msa_output_directory; NULL: <output>/msas/<run> */
  bool clean_up; /* cleanup_msa_dir: the folder of structures that a run fetched is removed at its end */
  bool save_alignments; /* save_openfold_outputs */
  bool save_answers;    /* save_colabfold_outputs */
  const char *answers;  /* colabfold_output_dir; NULL: beside the alignments */
} of3_server_settings;

/* dataset_config_kwargs.pocket_sampling (docs/sampling.md). */
typedef struct of3_pocket_settings {
  bool enabled;
  int parents, candidates;
  double noise_fraction;
  double ligand_jitter, center_jitter, surface_jitter; /* Angstrom */
  double buffer;                                       /* part of radii that may overlap */
  double diversity;                                    /* Angstrom */
  int conformers;                                      /* of RDKit's, all the same; 0: none */
} of3_pocket_settings;

struct of3_settings {
  /* Options of a run, as of3_settings_apply hands them on. Numbers: negative, text: NULL where nothing is
   * set. */
  const char *output_dir, *checkpoint, *ccd;
  int n_seed;
  const uint64_t *seeds;
  of3_choice use_server, use_templates, skip_existing;
  int samples, recycles, steps;
  double noise_scale, step_scale;
  const char *format, *confidences; /* as of3_predict_options has them */
  const char *backend, *dtype;      /* as of3_engine_options has them */

  of3_msa_settings msa;
  of3_template_settings templates;
  of3_server_settings server;
  of3_pocket_settings pocket;

  /* What of msa, templates and pocket is not as of3 has it by itself, as text; "" if everything is. */
  const char *differences;
};

/* Reads the runner YAML of the user's cache, <cache>/runner.yml, if it is there (the cache is the environment
 * variable OPENFOLD_CACHE, else ~/.openfold3), and what opt_path says, which counts where both say something.
 * Neither: settings as of3 has them. What of3 does not have is refused, as are keys that nobody knows, by
 * name and line; keys of the reference's own machinery that change no result are told to the log. Ownership:
 * of3_settings_free. */
OF3_API OF3_MUST_CHECK of3_status of3_settings_read(const char *opt_path, const of3_callbacks *opt_callbacks,
                                                    of3_settings **ret_settings, of3_error *err);
OF3_API void of3_settings_free(of3_settings *settings);

/* Sets in options what the settings say of them, to be called before anything else is set; options->settings
 * becomes the settings. Both need the settings as long as they are used. */
OF3_API void of3_settings_apply(const of3_settings *settings, of3_predict_options *options,
                                of3_engine_options *opt_engine_options);

#ifdef __cplusplus
}
#endif

#endif
