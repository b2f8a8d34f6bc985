#include <inttypes.h>
#include <stdio.h>

#include "inputs_report.h"

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

static void json_opt_text(const char *opt_text) {
  if (opt_text)
    json_text(opt_text);
  else
    printf("null");
}

static void json_texts(const char *key, const char *const *text, int n) {
  printf("\"%s\": [", key);
  for (int i = 0; i < n; i++) {
    if (i) printf(", ");
    json_text(text[i]);
  }
  printf("]");
}

static void json_file(const of3_input_file *f) {
  printf("{\"path\": ");
  json_text(f->path);
  printf(", \"key\": ");
  json_text(f->key);
  printf(", \"use\": \"%s\", \"rows\": %d, \"used\": %d, \"why\": ", cli_use_name(f->use), f->n_read,
         f->n_used);
  json_opt_text(f->why);
  printf("}");
}

static void json_template(const of3_input_template *t) {
  printf("{\"name\": ");
  json_text(t->name);
  printf(", \"slot\": %d, \"residues\": %d, \"why\": ", t->slot, t->n_residue);
  json_opt_text(t->why);
  printf("}");
}

static void json_alignment(const of3_input_chain *c) {
  printf(",\n         \"paired_rows\": %d, \"main_rows\": %d, \"main_rows_read\": %d, \"equal\": %d, "
         "\"also_paired\": %d, "
         "\"without_room\": %d, \"same_msa_as\": ",
         c->n_paired, c->n_main, c->main_read, c->main_equal, c->main_paired, c->main_cut);
  json_opt_text(c->same_msa_as);
  printf(", \"asks_server\": %s,\n         \"files\": [", c->from_server ? "true" : "false");
  for (int i = 0; i < c->n_file; i++) {
    if (i) printf(", ");
    json_file(&c->file[i]);
  }
  printf("], \"template_file\": ");
  json_opt_text(c->template_file);
  printf(", \"templates\": [");
  for (int i = 0; i < c->n_template; i++) {
    if (i) printf(", ");
    json_template(&c->template_[i]);
  }
  printf("]");
}

static void json_chain(const of3_input_chain *c) {
  printf("        {\"molecule_type\": \"%s\", ", cli_molecule_name(c->type));
  json_texts("chain_ids", c->id, c->n_id);
  printf(", \"text\": ");
  json_text(c->text);
  printf(", \"residues\": %d, \"tokens\": %d, \"atoms\": %d, \"modified\": %d, \"cyclic\": %s, \"msa_rows\": "
         "%d",
         c->n_residue, c->n_token, c->n_atom, c->n_modified, c->cyclic ? "true" : "false", c->msa_rows);
  if (c->type != OF3_LIGAND) json_alignment(c);
  printf("}");
}

static void json_query(const of3_input_query *q) {
  printf("    {\n      \"name\": ");
  json_text(q->name);
  printf(",\n      \"error\": ");
  json_opt_text(q->error);
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

void cli_json_inputs(const char *file, const of3_inputs *in) {
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
