/* of3: OpenFold3 in C. The public interface; the command line uses nothing else.
 *
 *   of3_engine *engine = NULL;
 *   of3_model *model = NULL;
 *   of3_report *report = NULL;
 *   of3_predict_options options = of3_predict_defaults();
 *   of3_error err;
 *
 *   options.output_dir = "out";
 *   if (of3_engine_open(NULL, NULL, &engine, &err) != OF3_OK ||
 *       of3_model_open(engine, "weights.pt", &model, &err) != OF3_OK ||
 *       of3_predict(model, "query.json", &options, &report, &err) != OF3_OK)
 *     fprintf(stderr, "%s\n", err.text);
 *   of3_report_free(report);
 *   of3_model_close(model);
 *   of3_engine_close(engine);
 *
 * Rules: a function that can fail returns an of3_status and writes one sentence into the of3_error. Nothing
 * is printed and nothing exits. Pointers named ret_ give an object to the caller, who frees it; opt_ may be
 * NULL. Closing and freeing accept NULL. Text is UTF-8, paths are relative to the working directory. An
 * engine and what was opened from it belong to one thread at a time. The program's locale does not matter. It
 * decides about signals: with SIGPIPE and SIGXFSZ ignored, writes that meet them fail with a sentence. */
#ifndef OF3_H
#define OF3_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of this header; of3_version() is that of the library. Before 1.0 a new minor version may change
 * functions and structs. */
#define OF3_VERSION_MAJOR 0
#define OF3_VERSION_MINOR 1
#define OF3_VERSION_PATCH 0

#if defined(__GNUC__) || defined(__clang__)
#define OF3_MUST_CHECK __attribute__((warn_unused_result))
#define OF3_API        __attribute__((visibility("default")))
#else
#define OF3_MUST_CHECK
#define OF3_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors */

typedef enum of3_status {
  OF3_OK = 0,
  OF3_ERR_USAGE,       /* an option, or options that exclude each other */
  OF3_ERR_INPUT,       /* content of a file or query of the user's */
  OF3_ERR_UNSUPPORTED, /* valid input that this version does not serve */
  OF3_ERR_IO,          /* the file system */
  OF3_ERR_MEMORY,
  OF3_ERR_CANCELLED, /* the user interrupted */
  OF3_ERR_INTERNAL
} of3_status;

enum { OF3_ERROR_TEXT = 1024 };

typedef struct of3_error {
  of3_status code;
  char text[OF3_ERROR_TEXT]; /* one sentence, no newline, always terminated */
} of3_error;

/* Names of files and queries may hold anything. Copies text to out [size] with every control character, every
 * mark that breaks lines or changes the direction of text, and every byte that is no UTF-8 as \\xNN: as many
 * whole characters as there is room for, terminated. Returns how many bytes of text these were. Sentences in
 * of3_error and messages of the log are so already. */
OF3_API size_t of3_printable(const char *text, char *out, size_t size);

/* ---- Messages, progress, interruption */

typedef enum of3_level { OF3_LOG_DEBUG, OF3_LOG_INFO, OF3_LOG_WARN, OF3_LOG_ERROR } of3_level;

typedef struct of3_progress_info {
  const char *query;
  uint64_t seed;
  int item, n_item;     /* which of the (query, seed) pairs, from 1 */
  int worker, n_worker; /* which of the pairs that are folded side by side, from 0 */
  const char *phase;    /* "features", "trunk", "diffusion", "confidence", "write" */
  int done, total;      /* steps of the phase */
  double fraction;      /* of the pair's arithmetic, 0 .. 1 */
  double seconds;       /* since the pair was begun */
  int n_more;           /* other pairs that go through the network together with this one */
} of3_progress_info;

/* Called from the thread that called of3, also while it folds several queries at a time; any member may be
 * NULL. */
typedef struct of3_callbacks {
  void *user;
  void (*log)(void *user, of3_level level, const char *text); /* text: one line without newline */
  of3_level least;                                            /* messages below it are not made */
  void (*progress)(void *user, const of3_progress_info *info);
  /* Not 0: stop soon, with OF3_ERR_CANCELLED. Threads of of3 read it by __atomic_load_n; a signal handler or
   * another thread that sets it does so by __atomic_store_n. */
  const volatile sig_atomic_t *cancel;
} of3_callbacks;

/* ---- This program and this machine */

OF3_API const char *of3_version(void); /* "0.1.0" */

/* Names of the instruction sets that can be chosen here, best first; returns how many there are and writes
 * at most `most`. */
OF3_API int of3_instruction_sets(const char **names, int most);

/* ---- Engine: where and how it is computed */

typedef struct of3_engine_options {
  const char *backend; /* "cpu", "cuda", "mlx", or "auto": mlx on Apple Silicon if it is there, else cpu */
  const char *isa;     /* "auto", or one of of3_instruction_sets */
  const char *dtype;   /* "f32", "bf16"; "f16" with mlx */
  int device;          /* which of the backend's devices, from 0 (of3_backend_describe) */
  int threads;         /* 0: all that the process may use */
  /* Bytes for weights, tensors and results; 0: all that is free when a query begins. A query that would need
   * more is computed in a slower way that needs less, with the same result, or refused. */
  uint64_t max_memory;
} of3_engine_options;

OF3_API of3_engine_options of3_engine_defaults(void);

typedef struct of3_engine of3_engine;

/* Copies what it needs from both structs; opt_options NULL means the defaults. */
OF3_API OF3_MUST_CHECK of3_status of3_engine_open(const of3_engine_options *opt_options,
                                                  const of3_callbacks *opt_callbacks, of3_engine **ret_engine,
                                                  of3_error *err);
OF3_API void of3_engine_close(of3_engine *engine); /* after its models */

typedef struct of3_engine_info {
  const char *backend, *isa, *dtype; /* isa: "" where there is no choice */
  const char *device, *version;      /* "cpu", "metal", "cuda"; of of3, or of MLX */
  int device_index;                  /* among the devices of the backend */
  int threads;
  uint64_t memory; /* bytes that may be used now: max_memory, else what is free; 0: unknown */
} of3_engine_info;

OF3_API of3_engine_info of3_engine_describe(const of3_engine *engine);

typedef struct of3_backend_info {
  const char *name, *version, *device;
  int n_device;    /* how many devices the backend has here */
  uint64_t memory; /* bytes that the device has of its own; 0: it uses the machine's */
} of3_backend_info;

/* What a backend, "cpu", "cuda" or "mlx", and one of its devices, from 0, is on this machine, or why it
 * cannot be used. */
OF3_API OF3_MUST_CHECK of3_status of3_backend_describe(const char *name, int device, of3_backend_info *out,
                                                       of3_error *err);

/* ---- Checkpoints and models */

typedef struct of3_config_value {
  const char *name; /* "c_z", "blocks_pairformer" */
  int value;
} of3_config_value;

typedef struct of3_model_info {
  const char *file;    /* the file that holds the weights */
  const char *format;  /* "safetensors", "torch zip", "DeepSpeed folder" */
  const char *layout;  /* where in it: "flat", "ema.params", "state_dict", "module" */
  const char *variant; /* "P1", "P2", "OB" */
  const char *title;   /* "preview 1", "preview 2", "OpenBind" */
  const char *types;   /* "f32: 2, bf16: 1040", tensors of each element type */
  int64_t n_tensor, n_parameter;
  uint64_t file_bytes, weight_bytes;
  int n_skipped;          /* tensors of the second denoiser, which is not read */
  uint64_t skipped_bytes; /* and their size */
  int n_config;
  const of3_config_value *config;
} of3_model_info;

/* Reads names and shapes only. path: .pt, .safetensors or DeepSpeed folder. */
OF3_API OF3_MUST_CHECK of3_status of3_info(const char *path, of3_model_info **ret_info, of3_error *err);
OF3_API void of3_info_free(of3_model_info *info);

typedef struct of3_model of3_model;

/* Maps the file and binds every tensor; a missing, extra or misshapen one is an error that names it. */
OF3_API OF3_MUST_CHECK of3_status of3_model_open(of3_engine *engine, const char *path, of3_model **ret_model,
                                                 of3_error *err);
OF3_API void of3_model_close(of3_model *model);

OF3_API const of3_model_info *of3_model_describe(const of3_model *model); /* owned by the model */

typedef struct of3_convert_info {
  int n_tensor, n_skipped;
  uint64_t bytes_in, bytes_out;
} of3_convert_info;

/* Any checkpoint to one safetensors file, or to a torch zip if `out` ends in .pt; dtype "f32" or "bf16".
 * `out` appears when it is complete. Of the callbacks only cancel is used. */
OF3_API OF3_MUST_CHECK of3_status of3_convert(const char *in, const char *out, const char *dtype,
                                              const of3_callbacks *opt_callbacks, of3_convert_info *opt_info,
                                              of3_error *err);

/* ---- Prediction */

typedef struct of3_settings of3_settings; /* of a runner YAML: of3_settings.h */

/* A server with ColabFold's interface, for alignments that queries do not name (docs/alignments.md). */
typedef struct of3_msa_server {
  const char *url;        /* "https://host"; NULL or "": none is asked */
  const char *user_agent; /* who asks; NULL: of3/VERSION */
  const char *chains_url; /* the PDB's GraphQL, for names of chains; NULL: the PDB's own; "": none is asked */
  double poll_s;          /* seconds between the first two questions how far a search is; 0: 5 */
} of3_msa_server;

/* The address that the environment variable OF3_MSA_SERVER names (it may be empty: none), else the public
 * server's that OpenFold3 asks. */
OF3_API const char *of3_msa_server_default(void);

typedef struct of3_predict_options {
  const char *output_dir; /* created with its parents */
  int samples;            /* structures for each query and seed */
  int recycles;           /* trunk passes after the first */
  /* How structures are sampled (docs/sampling.md): "reference" as AlphaFold 3 and OpenFold3 do, "ode"
   * deterministically from the first noise, in few steps. */
  const char *sampler;
  int steps;          /* of the noise schedule; 0: the sampler's own, of3_sampler_describe */
  double noise_scale; /* of the noise that steps add, 0 to 10; negative: the sampler's own. "ode" adds none */
  double step_scale;  /* of each step, above 0 to 10; negative: the sampler's own */
  const char *ligands; /* a list of ligands (SMILES, a table, SDF: docs/screening.md): each query is folded
                        * with each of them, and ligands.csv lists the results; NULL: none */
  const char *ligand_chain; /* the id of their chain; NULL: L, or the first letter that is free */
  const uint64_t *seeds;    /* [n_seed] */
  int n_seed;               /* 0: those of the query file, else 42 */
  const char *format;       /* of structures: "cif", "cif.gz", "pdb" */
  const char *cif_style;    /* of mmCIF: "modelcif" (what programs expect), "reference" (OpenFold3's bytes);
                             * NULL: modelcif */
  const char *confidences;  /* full confidences: "json", "npz" (float16), "npz32" (float32), "none" */
  bool overwrite;           /* false: results that are complete and made from the same inputs are kept */
  bool no_record;           /* keep no record of the numbers, from which files of other formats can be written
                               later without computing; saves its space */
  bool wait; /* if another process writes to output_dir: true: wait for it; false: an error that names it */
  /* A dictionary of components made by of3_ccd_build (of3_chem.h); NULL: that of the environment variable
   * OF3_CCD, else the one in the default place, if there are any. The built-in ones come after it. */
  const char *ccd;
  /* Files of the user's own components, before all others, separated by commas: CIF; SDF or mol, with the
   * code before the path ("INH=inhibitor.sdf") or in the first line. NULL: none. */
  const char *user_ccd;
  bool infer_leaving_atoms; /* at the ends of the query's bonds, atoms that the dictionary calls leaving go,
                             * where the query does not say what leaves the residue */
  const char *structures; /* folder of template structures <entry>.cif (.cif.gz, .bcif, .bcif.gz), or NULL */
  const of3_settings *settings; /* of alignments, templates and pockets; NULL: as of3 has them */
  bool no_templates;            /* those that queries name are left out, and those that the server finds */
  of3_msa_server msa_server;    /* of3_predict_defaults: none */
  /* The folder of the cache, which keeps what the server answered; NULL: $OF3_CACHE, else the system's place
   * for caches; "": none. */
  const char *cache;
  int jobs; /* pairs of query and seed folded side by side, sharing threads and memory; at most as many as the
             * engine has threads. 0: chosen by their sizes; 1: one after the other, which saves memory.
             * Results do not depend on it */
  int batch; /* pairs of query and seed that go through the network together, padded to the largest of them;
              * at most 64. 0: chosen by their sizes and the backend; 1: each on its own. Fewer where there is
              * no memory for so many. Results do not depend on it on the CPU; elsewhere in the last bits of
              * sums */
} of3_predict_options;

OF3_API of3_predict_options of3_predict_defaults(void);

typedef struct of3_sampler_info {
  const char *name;
  int steps;
  bool adds_noise;
  double noise_scale, step_scale; /* noise_scale: 0 if it adds none */
} of3_sampler_info;

/* A sampler with its own settings; false: there is none of this name. */
OF3_API bool of3_sampler_describe(const char *name, of3_sampler_info *out);

/* Seeds as OpenFold3 makes them for its --num-model-seeds: Python's random.seed(start), then n times
 * randint(0, 2^32 - 1). out [n]. */
OF3_API void of3_reference_seeds(uint32_t start, int n, uint64_t *out);

typedef struct of3_sample_scores {
  double ranking_score, ptm, iptm, avg_plddt, gpde, disorder, has_clash;
} of3_sample_scores;

typedef enum of3_phase {
  OF3_PHASE_FEATURES,
  OF3_PHASE_TRUNK,
  OF3_PHASE_DIFFUSION,
  OF3_PHASE_HEADS, /* confidence and scores */
  OF3_PHASE_WRITE,
  OF3_N_PHASE
} of3_phase;

/* One query with one seed. */
typedef struct of3_item {
  const char *query;
  uint64_t seed;
  of3_status status;
  const char *error;     /* the sentence, if status is not OF3_OK */
  bool reused;           /* complete from an earlier run; no times */
  int n_token, n_atom;   /* 0 if reused or failed early */
  uint64_t memory;       /* bytes planned for weights, tensors, features and results; 0 if unknown */
  int best_sample;       /* from 1; 0 if failed */
  const char *best_file; /* its structure, as written */
  of3_sample_scores best;
  double seconds[OF3_N_PHASE];
} of3_item;

/* The best sample of a query over all its seeds. */
typedef struct of3_best {
  const char *query;
  uint64_t seed;
  int sample;       /* from 1 */
  const char *file; /* a copy of its structure */
} of3_best;

/* Results in the order of computation: queries by number of tokens, then seeds. */
typedef struct of3_report {
  int n_item, n_failed;
  const of3_item *item;
  int n_best; /* queries with a result */
  const of3_best *best;
  double seconds_load; /* of the model */
  const char *ranking_file, *summary_file;
} of3_report;

/* Folds every query of an OpenFold3 JSON file, a FASTA file, or a bare protein sequence with every seed, and
 * writes the output tree (docs/ARCHITECTURE.md). OF3_OK if all went well; if some pairs failed, the status of
 * the first of these, and a report that says more: the sentence of the failure if it was the only pair, else
 * one that counts them. *ret_report is NULL unless every pair has been tried. After OF3_ERR_CANCELLED
 * complete pairs are on disk and no file is half-written. */
OF3_API OF3_MUST_CHECK of3_status of3_predict(of3_model *model, const char *query,
                                              const of3_predict_options *options, of3_report **ret_report,
                                              of3_error *err);
OF3_API void of3_report_free(of3_report *report);

/* ---- Prediction in memory: a query made by functions, a result without files */

typedef enum of3_molecule { OF3_PROTEIN, OF3_RNA, OF3_DNA, OF3_LIGAND } of3_molecule;

typedef struct of3_query of3_query;

/* An empty query. The name appears in messages and progress. Ownership: of3_query_free. */
OF3_API OF3_MUST_CHECK of3_status of3_query_new(const char *name, of3_query **ret_query, of3_error *err);
OF3_API void of3_query_free(of3_query *query);

/* Adds a molecule in n_id copies: ids[i] names copy i, distinct in the query, printable ASCII without blanks.
 * sequence: one-letter codes (white space, case and a '*' at the end do not count), of a ligand the code of
 * its component. All is copied. */
OF3_API OF3_MUST_CHECK of3_status of3_query_add_chain(of3_query *query, of3_molecule type,
                                                      const char *const *ids, int n_id, const char *sequence,
                                                      of3_error *err);
/* What a ligand is: one of the first three is not NULL. */
typedef struct of3_ligand {
  const char *code;   /* of its component */
  const char *smiles; /* read by RDKit */
  const char *file;   /* an SDF or mol file, whose first molecule counts; read by RDKit */
  /* Residue name of a ligand by SMILES or file, 1 to 5 letters and digits; NULL: LIG0, LIG1, ... by the
   * sorted order of the SMILES of the query. */
  const char *name;
} of3_ligand;

/* Adds a ligand in n_id copies, as of3_query_add_chain does. */
OF3_API OF3_MUST_CHECK of3_status of3_query_add_ligand(of3_query *query, const of3_ligand *ligand,
                                                       const char *const *ids, int n_id, of3_error *err);
/* Components of the user's own for this query alone, before all others: CIF text with the categories
 * chem_comp, chem_comp_atom and chem_comp_bond; replaces what was given before. It is read when the query is
 * folded. */
OF3_API OF3_MUST_CHECK of3_status of3_query_set_components(of3_query *query, const char *cif, of3_error *err);
/* A ligand of several residues, as a glycan: codes[n_code] of its components, numbered from 1. Bonds between
 * them are added by of3_query_add_bond. */
OF3_API OF3_MUST_CHECK of3_status of3_query_add_glycan(of3_query *query, const char *const *ids, int n_id,
                                                       const char *const *codes, int n_code, of3_error *err);

/* An atom, or with atom NULL a residue, of a query: the id of a chain that was added, the residue from 1, the
 * name in its component. */
typedef struct of3_atom_name {
  const char *chain;
  int residue;
  const char *atom;
} of3_atom_name;

/* A single bond between atoms of two residues, and an atom that is not there (docs/features.md 2.1). Whether
 * the components have these atoms is seen when the query is folded. */
OF3_API OF3_MUST_CHECK of3_status of3_query_add_bond(of3_query *query, of3_atom_name a, of3_atom_name b,
                                                     of3_error *err);
OF3_API OF3_MUST_CHECK of3_status of3_query_add_leaving_atom(of3_query *query, of3_atom_name atom,
                                                             of3_error *err);

/* Where the ligand of that chain is to bind: residues[n], and the distance within which atoms touch,
 * Angstrom; 0: 4 (docs/sampling.md). A second call replaces the first. */
OF3_API OF3_MUST_CHECK of3_status of3_query_set_pocket(of3_query *query, const char *ligand,
                                                       const of3_atom_name *residues, int n,
                                                       double max_distance, of3_error *err);

/* The number that the first residue of the polymer that was added last has in files; may be 0 or negative. */
OF3_API OF3_MUST_CHECK of3_status of3_query_set_first_number(of3_query *query, int number, of3_error *err);

/* An alignment of the protein or RNA that was added last: an A3M, Stockholm or NPZ file, or a folder of such.
 */
OF3_API OF3_MUST_CHECK of3_status of3_query_add_msa(of3_query *query, const char *path, of3_error *err);

typedef struct of3_result_chain {
  const char *id;
  of3_molecule type;
  int first_residue, n_residue;
} of3_result_chain;

typedef struct of3_result_residue {
  const char *name; /* component code: "ALA" */
  int number;       /* from 1 in its chain */
  int chain;
  int first_atom, n_atom;
} of3_result_residue;

typedef struct of3_result_atom {
  const char *name, *element; /* "CA", "C" */
  int residue;
} of3_result_atom;

/* The structures of one query and seed. S samples in the order of generation, A atoms, N tokens, C chains. */
typedef struct of3_result {
  const char *query;
  uint64_t seed;
  int n_sample, n_chain, n_residue, n_atom, n_token;
  const of3_result_chain *chain;     /* [C] */
  const of3_result_residue *residue; /* [R] */
  const of3_result_atom *atom;       /* [A] */
  const int *token_atom;             /* [N] first atom of the token */
  const float *xyz;                  /* [S,A,3] Angstrom */
  const float *plddt;                /* [S,A] 0 .. 100 */
  const float *pae, *pde;            /* [S,N,N] Angstrom; pae: row = the token whose frame is aligned */
  const float *contact;              /* [N,N] probability of a distance below 8 Angstrom */
  const of3_sample_scores *scores;   /* [S] */
  const float *chain_ptm;            /* [S,C] */
  const float *chain_pair_iptm;      /* [S,C,C] symmetric, diagonal 0 */
  int best;                          /* the sample with the highest ranking score, from 0 */
  double seconds[OF3_N_PHASE];       /* OF3_PHASE_WRITE: 0 */
} of3_result;

/* Folds the query with one seed. Of the options those count that decide what is computed (samples,
 * recycles, the sampler and its settings); output folder, formats, seeds and jobs are not looked at. The
 * numbers are those that of3_predict writes. Ownership: of3_result_free; the result needs neither query,
 * model nor engine. */
OF3_API OF3_MUST_CHECK of3_status of3_fold_query(of3_model *model, const of3_query *query, uint64_t seed,
                                                 const of3_predict_options *options, of3_result **ret_result,
                                                 of3_error *err);
OF3_API void of3_result_free(of3_result *result);

/* ---- The input of the network as a file */

typedef struct of3_features_options {
  const char *query;      /* as of3_predict takes it */
  const char *query_name; /* which query of the file; NULL: the only one */
  const char *variant;    /* "P1", "P2", "OB" */
  bool has_seed;          /* else the first seed of the query file, else 42 */
  uint64_t seed;
  const char *ccd;        /* as of3_predict_options has it */
  const char *user_ccd;   /* the same */
  const char *conformers; /* safetensors file to take reference conformers from, or NULL */
  const char *structures; /* folder of template structures <entry>.cif (.cif.gz, .bcif, .bcif.gz), or NULL */
  const of3_settings *settings; /* as of3_predict_options, as is */
  bool infer_leaving_atoms;
  /* Conformers of standard residues of polymers from RDKit too, as OpenFold3 has them; else they are built
   * in. */
  bool rdkit_all;
  const char *out; /* safetensors file to write */
} of3_features_options;

/* Writes the input of the network as tensors feat/NAME. */
OF3_API OF3_MUST_CHECK of3_status of3_features_export(const of3_features_options *options,
                                                      const of3_callbacks *opt_callbacks, of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
