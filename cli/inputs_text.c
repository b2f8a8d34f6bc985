#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "inputs_report.h"
#include "text.h"

const char *cli_molecule_name(of3_molecule type) {
  static const char *const names[] = {"protein", "rna", "dna", "ligand"};
  return names[type];
}

const char *cli_use_name(of3_input_use use) {
  static const char *const names[] = {"main", "paired", "hits", "unused"};
  return names[use];
}

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
  printf("  %-7s ", cli_molecule_name(c->type));
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

/* ---- Files and templates of a chain */

static void put_file(const of3_input_file *f) {
  printf("    %-8s ", cli_use_name(f->use));
  cli_put(stdout, f->key);
  if (f->use == OF3_INPUT_ASIDE) {
    printf(" %s", f->why);
  } else {
    printf(": ");
    put_number(f->n_read, "row", "");
    if (f->use == OF3_INPUT_HITS)
      printf(", to be paired by species");
    else if (f->n_used != f->n_read)
      printf(", %d used", f->n_used);
  }
  printf("  ");
  cli_put(stdout, f->path);
  printf("\n");
}

/* What the rows of the alignment are, and what was left out. */
static void put_rows(const of3_input_chain *c) {
  const struct {
    int n;
    const char *what;
  } out[] = {{c->main_equal, "equal to earlier ones"},
             {c->main_paired, "among the paired ones"},
             {c->main_cut, "without room"}};
  int left = 0;
  printf("    rows     the query, %d paired, %d main", c->n_paired, c->n_main);
  for (int i = 0; i < 3; i++)
    if (out[i].n) printf("%s%d %s", left++ ? ", " : "; left out: ", out[i].n, out[i].what);
  printf("\n");
}

static bool same_fate(const of3_input_template *a, const of3_input_template *b) {
  return !a->slot && !b->slot && a->why && b->why && strcmp(a->why, b->why) == 0;
}

static void put_template_file(const of3_input_chain *c) {
  if (!c->template_file) return;
  printf("    template hits  ");
  cli_put(stdout, c->template_file);
  printf("\n");
}

/* Neighbours that are not used for the same reason in one line. */
static void put_templates(const of3_input_chain *c) {
  for (int i = 0, next; i < c->n_template; i = next) {
    const of3_input_template *t = &c->template_[i];
    for (next = i + 1; next < c->n_template && same_fate(t, &c->template_[next]);) next++;
    printf("    template ");
    cli_put(stdout, t->name);
    if (next > i + 1) printf(" and %d more", next - i - 1);
    if (t->slot)
      printf(": slot %d, %d residues\n", t->slot, t->n_residue);
    else
      printf(": not used, %s\n", t->why ? t->why : "");
  }
}

static void put_alignment(const of3_input_chain *c, bool server) {
  if (c->from_server && server) printf("    no alignment is named: 'of3 predict' asks the MSA server\n");
  if (c->same_msa_as) {
    printf("    rows     those of chain ");
    cli_put(stdout, c->same_msa_as);
    printf("\n");
  }
  for (int i = 0; i < c->n_file; i++) put_file(&c->file[i]);
  if (c->n_file) put_rows(c);
  put_template_file(c);
  put_templates(c);
}

static void put_query(const of3_input_query *q, bool server) {
  char size[CLI_SIZE_TEXT];
  cli_put(stdout, q->name);
  printf("\n");
  for (int i = 0; i < q->n_chain; i++) {
    put_chain(&q->chain[i]);
    put_alignment(&q->chain[i], server);
  }
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

void cli_put_inputs(const char *file, const of3_inputs *in, bool server) {
  cli_put(stdout, file);
  printf(": %s, %d quer%s", in->dialect, in->n_query, in->n_query == 1 ? "y" : "ies");
  if (in->n_failed) printf(", %d of which cannot be folded", in->n_failed);
  for (int i = 0; i < in->n_seed; i++)
    printf("%s%" PRIu64, i ? ", " : in->n_seed > 1 ? "; seeds " : "; seed ", in->seed[i]);
  printf("\n");
  for (int i = 0; i < in->n_query; i++) put_query(&in->query[i], server);
}
