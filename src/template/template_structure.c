/* Chains of a structure as templates see them: polymers, and of their atoms the four that matter. */
#include "template/structure.h"

#include <string.h>

#include "chem/component.h"
#include "structure/structure.h"

static char letter_of(const of3_template_residue *r) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYVX";
  static const char *const parents[][2] = {{"MSE", "M"}, {"SEP", "S"}, {"TPO", "T"}, {"PTR", "Y"},
                                           {"HYP", "P"}, {"CSO", "C"}, {"MLY", "K"}, {"KCX", "K"}};
  static const char bases[] = "AGCUNAGCTN";
  if (r->standard && r->restype < sizeof amino - 1) return amino[r->restype];
  if (r->standard && r->restype <= OF3_CLASS_DN) return bases[r->restype - sizeof amino + 1];
  for (size_t i = 0; i < sizeof parents / sizeof *parents; i++)
    if (strcmp(r->name, parents[i][0]) == 0) return parents[i][1][0];
  return 'X';
}

static void put_residue(const of3_structure *s, const of3_structure_residue *from, of3_template_residue *to) {
  static const char *const atoms[OF3_N_TEMPLATE_ATOM] = {"N", "CA", "C", "CB"};
  const of3_component *standard = of3_standard_residue(from->code);
  memcpy(to->name, from->code, sizeof from->code);
  to->standard = standard != NULL;
  to->restype = standard ? standard->restype : OF3_CLASS_UNK;
  for (int i = from->first_atom; i < from->first_atom + from->n_atom; i++)
    for (int k = 0; k < OF3_N_TEMPLATE_ATOM; k++) {
      if (strcmp(s->atom[i].name, atoms[k]) != 0) continue;
      memcpy(to->atom[k], s->atom[i].xyz, sizeof to->atom[k]);
      to->found |= (uint8_t)(1U << k);
    }
}

/* The letters of the file where it has as many as residues. */
static of3_status put_chain(const of3_structure *s, const of3_structure_chain *from, of3_arena *arena,
                            of3_template_chain *to, of3_error *err) {
  *to = (of3_template_chain){.id = of3_arena_strdup(arena, from->id),
                             .author = of3_arena_strdup(arena, from->author),
                             .n = from->n_residue,
                             .residue = OF3_ARENA_NEW(arena, of3_template_residue, from->n_residue),
                             .letters = from->letters ? of3_arena_strdup(arena, from->letters)
                                                      : OF3_ARENA_NEW(arena, char, from->n_residue + 1)};
  if (!to->id || !to->author || !to->residue || !to->letters)
    return of3_fail_memory(err, "the chains of a template");
  for (int k = 0; k < to->n; k++) {
    put_residue(s, &s->residue[from->first_residue + k], &to->residue[k]);
    if (!from->letters) to->letters[k] = letter_of(&to->residue[k]);
  }
  return OF3_OK;
}

static of3_status put_chains(const of3_structure *s, of3_arena *arena, of3_template_structure *out,
                             of3_error *err) {
  out->chain = OF3_ARENA_NEW(arena, of3_template_chain, s->n_chain);
  if (!out->chain) return of3_fail_memory(err, "the chains of a template");
  for (int i = 0; i < s->n_chain; i++)
    if (s->chain[i].polymer && s->chain[i].n_residue)
      OF3_TRY(put_chain(s, &s->chain[i], arena, &out->chain[out->n++], err));
  return OF3_OK;
}

of3_status of3_template_structure_read(const char *path, const char *opt_text, size_t most, of3_arena *arena,
                                       of3_template_structure *out, of3_error *err) {
  of3_structure whole;
  *out = (of3_template_structure){0};
  of3_arena *scratch = of3_arena_new_within(arena);
  if (!scratch) return of3_fail_memory(err, path);
  of3_status status = opt_text ? of3_structure_parse(path, opt_text, most, NULL, scratch, &whole, err)
                               : of3_structure_read(path, most, NULL, scratch, &whole, err);
  if (status == OF3_OK) status = put_chains(&whole, arena, out, err);
  if (status == OF3_OK && whole.released[0] && !(out->opt_date = of3_arena_strdup(arena, whole.released)))
    status = of3_fail_memory(err, path);
  of3_arena_free(scratch);
  return status;
}
