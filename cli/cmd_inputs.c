#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "of3_inputs.h"
#include "terminal.h"
#include "text.h"

typedef struct inputs_options {
  bool check, json;
  bool infer_leaving_atoms;
  const char *to, *out, *checkpoint, *ccd, *user_ccd, *log;
} inputs_options;

#define FIELD(name) offsetof(inputs_options, name)

static const cli_option table[] = {
    {.names = "check",
     .kind = CLI_FLAG,
     .offset = FIELD(check),
     .excludes = "to",
     .help = "Say what the files ask for, without folding; this is the default"},
    {.names = "json",
     .kind = CLI_FLAG,
     .offset = FIELD(json),
     .excludes = "to",
     .help = "Say it as JSON, a list of files"},
    {.names = "checkpoint",
     .letter = 'c',
     .kind = CLI_FILE,
     .offset = FIELD(checkpoint),
     .value = "FILE",
     .none = "a network of the published size",
     .help = "Plan memory and work for this network"},
#include "component_options.inc"
#include "leaving_option.inc"
    {.names = "to",
     .kind = CLI_CHOICE,
     .offset = FIELD(to),
     .choices = "of3 af3",
     .value = "DIALECT",
     .none = "not converted",
     .help = "Write the queries of one file as JSON of OpenFold3 or AlphaFold 3"},
    {.names = "out",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(out),
     .value = "FILE",
     .none = "the standard output",
     .help = "What --to writes; of several queries as af3 a folder"},
    {.names = "log",
     .kind = CLI_CHOICE,
     .offset = FIELD(log),
     .choices = "debug info warn error",
     .value = "LEVEL",
     .help = "Least important messages shown"},
};

static void inputs_defaults(void *options) { *(inputs_options *)options = (inputs_options){.log = "warn"}; }

/* ---- For people */

static const char *const molecule_name[] = {"protein", "rna", "dna", "ligand"};

static void put_work(double flops) {
  static const char *const prefix[] = {"G", "T", "P", "E"};
  int k = 0;
  double v = flops * 1e-9;
  for (; v >= 1000 && k < 3; k++) v *= 1e-3;
  printf("%.3g %sFLOP", v, prefix[k]);
}

static void put_seconds(double s) {
  if (s < 1)
    printf("below a second");
  else if (s < 120)
    printf("%.0f s", s);
  else if (s < 7200)
    printf("%.0f min", s / 60);
  else
    printf("%.1f h", s / 3600);
}

static void put_number(int n, const char *what, const char *end) {
  printf("%d %s%s%s", n, what, n == 1 ? "" : "s", end);
}

/* The first letters of a text, and how many there are more. */
static void put_text(const char *text) {
  enum { SHOWN = 40 };
  char clean[1024];
  cli_clean(text, clean, sizeof clean);
  const size_t n = cli_characters(clean);
  fwrite(clean, 1, cli_first_characters(clean, SHOWN), stdout);
  if (n > SHOWN || strlen(text) > sizeof clean / 2) printf("...");
}

static void put_chain(const of3_input_chain *c) {
  enum { MOST_IDS = 8 };
  printf("  %-7s ", molecule_name[c->type]);
  for (int i = 0; i < c->n_id && i < MOST_IDS; i++) {
    if (i) printf(",");
    cli_put(stdout, c->id[i]);
  }
  if (c->n_id > MOST_IDS) printf(",.. (%d copies)", c->n_id);
  printf("  ");
  put_number(c->n_residue, "residue", "");
  if (c->n_token) { /* not of a query that cannot be folded */
    printf(", ");
    put_number(c->n_token, "token", ", ");
    put_number(c->n_atom, "atom", "");
  }
  if (c->msa_rows > 1) printf(", alignment of %d rows", c->msa_rows);
  if (c->n_modified) printf(", %d modified", c->n_modified);
  if (c->cyclic) printf(", cyclic");
  printf("  ");
  put_text(c->text);
  printf("\n");
}

static void put_query(const of3_input_query *q) {
  char size[CLI_SIZE_TEXT];
  cli_put(stdout, q->name);
  printf("\n");
  for (int i = 0; i < q->n_chain; i++) put_chain(&q->chain[i]);
  for (int i = 0; i < q->n_note; i++) {
    printf("  note: ");
    cli_put(stdout, q->note[i]);
    printf("\n");
  }
  if (q->error) {
    printf("  error: ");
    cli_put(stdout, q->error);
    printf("\n");
    return;
  }
  printf("  in all  ");
  put_number(q->n_copy, "chain", ", ");
  put_number(q->n_residue, "residue", ", ");
  put_number(q->n_token, "token", ", ");
  put_number(q->n_atom, "atom", ", ");
  put_number(q->msa_rows, "MSA row", ", ");
  put_number(q->template_slots, "template", ", ");
  put_number(q->n_bond, "bond", " asked for\n");
  printf("  a seed  %s of memory, ", cli_size((double)q->memory, size));
  put_work(q->flops);
  printf(", at least ");
  put_seconds(q->seconds);
  printf("\n");
}

static void put_inputs(const char *file, const of3_inputs *in) {
  cli_put(stdout, file);
  printf(": %s, %d quer%s", in->dialect, in->n_query, in->n_query == 1 ? "y" : "ies");
  if (in->n_failed) printf(", %d of which cannot be folded", in->n_failed);
  for (int i = 0; i < in->n_seed; i++)
    printf("%s%" PRIu64, i ? ", " : in->n_seed > 1 ? "; seeds " : "; seed ", in->seed[i]);
  printf("\n");
  for (int i = 0; i < in->n_query; i++) put_query(&in->query[i]);
}

/* ---- For programs */

static void json_text(const char *text) {
  putchar('"');
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p == '"' || *p == '\\')
      printf("\\%c", *p);
    else if (*p < ' ' || *p == 0x7f)
      printf("\\u%04x", *p);
    else
      putchar(*p);
  }
  putchar('"');
}

static void json_texts(const char *key, const char *const *text, int n) {
  printf("\"%s\": [", key);
  for (int i = 0; i < n; i++) {
    if (i) printf(", ");
    json_text(text[i]);
  }
  printf("]");
}

static void json_chain(const of3_input_chain *c) {
  printf("        {\"molecule_type\": \"%s\", ", molecule_name[c->type]);
  json_texts("chain_ids", c->id, c->n_id);
  printf(", \"text\": ");
  json_text(c->text);
  printf(", \"residues\": %d, \"tokens\": %d, \"atoms\": %d, \"modified\": %d, \"cyclic\": %s, \"msa_rows\": "
         "%d}",
         c->n_residue, c->n_token, c->n_atom, c->n_modified, c->cyclic ? "true" : "false", c->msa_rows);
}

static void json_query(const of3_input_query *q) {
  printf("    {\n      \"name\": ");
  json_text(q->name);
  printf(",\n      \"error\": ");
  if (q->error)
    json_text(q->error);
  else
    printf("null");
  printf(",\n      ");
  json_texts("notes", q->note, q->n_note);
  printf(",\n      \"chains\": [");
  for (int i = 0; i < q->n_chain; i++) {
    printf("%s\n", i ? "," : "");
    json_chain(&q->chain[i]);
  }
  printf("%s],\n      \"copies\": %d, \"residues\": %d, \"tokens\": %d, \"atoms\": %d, \"msa_rows\": %d, "
         "\"templates\": %d, "
         "\"bonds\": %d,\n      \"memory_bytes\": %" PRIu64
         ", \"flops\": %.4g, \"least_seconds\": %.3g\n    }",
         q->n_chain ? "\n      " : "", q->n_copy, q->n_residue, q->n_token, q->n_atom, q->msa_rows,
         q->template_slots, q->n_bond, q->memory, q->flops, q->seconds);
}

static void json_inputs(const char *file, const of3_inputs *in) {
  printf("{\n  \"file\": ");
  json_text(file);
  printf(",\n  \"dialect\": ");
  json_text(in->dialect);
  printf(",\n  \"variant\": \"%s\",\n  \"failed\": %d,\n  \"seeds\": [", in->variant, in->n_failed);
  for (int i = 0; i < in->n_seed; i++) printf("%s%" PRIu64, i ? ", " : "", in->seed[i]);
  printf("],\n  \"queries\": [\n");
  for (int i = 0; i < in->n_query; i++) {
    if (i) printf(",\n");
    json_query(&in->query[i]);
  }
  printf("\n  ]\n}\n");
}

/* ---- Commands */

/* shown: how many files before it were. */
static of3_status inputs_check(of3_engine *engine, const of3_model *model, const inputs_options *o,
                               const char *file, int shown, int *ret_failed, of3_error *err) {
  of3_inputs_options options = {
      .ccd = o->ccd, .user_ccd = o->user_ccd, .infer_leaving_atoms = o->infer_leaving_atoms};
  of3_inputs *in = NULL;
  const of3_status status = of3_inputs_check(engine, model, file, &options, &in, err);
  if (status != OF3_OK) return status;
  *ret_failed += in->n_failed;
  if (shown) printf(o->json ? ",\n" : "\n");
  if (o->json)
    json_inputs(file, in);
  else
    put_inputs(file, in);
  of3_inputs_free(in);
  return OF3_OK;
}

/* A file that cannot be read does not stop the others. */
static int inputs_check_all(const inputs_options *o, const of3_callbacks *callbacks, const char *const *arg,
                            int n) {
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_error err = {0};
  int failed = 0, shown = 0, code = CLI_EXIT_OK;
  of3_status status = of3_engine_open(NULL, callbacks, &engine, &err);
  if (status == OF3_OK && o->checkpoint) status = of3_model_open(engine, o->checkpoint, &model, &err);
  if (status != OF3_OK) code = cli_report(&err);
  if (status == OF3_OK && o->json) printf("[\n");
  for (int i = 0; status == OF3_OK && i < n && err.code != OF3_ERR_CANCELLED; i++) {
    if (inputs_check(engine, model, o, arg[i], shown, &failed, &err) == OF3_OK) {
      shown++;
      continue;
    }
    cli_flush_output();
    code = cli_report(&err);
  }
  if (status == OF3_OK && o->json) printf("]\n");
  of3_model_close(model);
  of3_engine_close(engine);
  return code == CLI_EXIT_OK && failed ? CLI_EXIT_FAILED : code;
}

static int inputs_convert(const inputs_options *o, const of3_callbacks *callbacks, const char *file) {
  const of3_inputs_convert_options options = {.to = o->to, .out = o->out ? o->out : "/dev/stdout"};
  of3_error err = {0};
  int failed = 0;
  if (of3_inputs_convert(file, &options, callbacks, &failed, &err) != OF3_OK) return cli_report(&err);
  return failed ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int inputs_run(const void *options, const char *const *arg, int n) {
  const inputs_options *o = options;
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  if (o->to && n > 1) {
    cli_fail(&cli_inputs, "--to takes one file at a time");
    return CLI_EXIT_USAGE;
  }
  if (o->out && !o->to) {
    cli_fail(&cli_inputs, "--out FILE goes with --to DIALECT");
    return CLI_EXIT_USAGE;
  }
  return o->to ? inputs_convert(o, &callbacks, arg[0]) : inputs_check_all(o, &callbacks, arg, n);
}

const cli_command cli_inputs = {
    .name = "inputs",
    .usage = "FILE... [--check] [--json] | FILE --to of3|af3 [--out FILE]",
    .summary = "Say what queries ask for, without folding, or convert them",
    .least = 1,
    .most = CLI_MOST_ARGUMENTS,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(inputs_options),
    .defaults = inputs_defaults,
    .run = inputs_run,
    .more =
        "FILE is JSON of OpenFold3 or AlphaFold 3, YAML of Boltz or FASTA (docs/queries.md), or a sequence.\n"
        "Memory and work are of a fold with one seed and the defaults of 'of3 predict'; the time is what the "
        "work takes\n"
        "at the rate of a large product of matrices on this machine, which a fold does not reach. The exit "
        "code is 1 if a\n"
        "query cannot be folded or written.\n"
        "\n"
        "Examples\n"
        "  of3 inputs complex.fasta job.json\n"
        "  of3 inputs boltz.yaml --to of3 --out query.json\n",
};
