/* Templates of chains in the slots of the features (docs/features.md 4). Slot t of a chain is its t-th
 * template; slots of different chains have nothing to do with each other. */
#include <stdlib.h>
#include <string.h>

#include "feat/parts.h"
#include "template/template.h"

typedef struct placing {
  const of3_complex *complex;
  const of3_tokens *tokens;
  const of3_query *query;
  const of3_feature_mode *mode;
  const of3_log *log;
  of3_features *out;
  of3_arena *scratch;
  int used, dropped;
  const of3_template_residue **face; /* of each residue of a chain the one that it faces, or NULL */
} placing;

/* Whether the component has the atoms that a template needs of each residue; of one that is not known, those
 * that were found. */
static bool has_atoms(const placing *p, const of3_template_residue *r, bool *ret_has, of3_error *err) {
  static const char *const atoms[OF3_N_TEMPLATE_ATOM] = {"N", "CA", "C", "CB"};
  const of3_library *library = p->mode->opt_library;
  const of3_component *c = NULL;
  *ret_has = r->found == (1U << OF3_N_TEMPLATE_ATOM) - 1;
  if (library && library->find(library->user, r->name, &c, err) != OF3_OK) return false;
  if (!c) return true;
  int n = 0;
  for (int k = 0; k < OF3_N_TEMPLATE_ATOM; k++)
    for (int a = 0; a < c->n_atom; a++) n += strcmp(c->atom[a].name, atoms[k]) == 0;
  *ret_has = n == OF3_N_TEMPLATE_ATOM;
  return true;
}

/* Fills p->face. *ret_why: why the template cannot be used, or NULL. */
static of3_status face_residues(placing *p, const of3_template *t, int n_residue, const char **ret_why,
                                of3_error *err) {
  bool all_standard = true;
  memset(p->face, 0, (size_t)n_residue * sizeof(void *));
  *ret_why = NULL;
  for (int k = 0; k < t->n_pair && !*ret_why; k++) {
    const of3_template_pair at = t->pair[k];
    if (at.query < 1 || at.query > n_residue) continue;
    if (at.template_ < 1 || at.template_ > t->chain->n) {
      *ret_why = "it names residues beyond its chain";
      break;
    }
    const of3_template_residue *r = &t->chain->residue[at.template_ - 1];
    bool has = true;
    if (r->standard && r->restype > OF3_CLASS_UNK) *ret_why = "its chain is no protein";
    if (!r->standard && !has_atoms(p, r, &has, err)) return err->code;
    all_standard &= r->standard;
    if (has) p->face[at.query - 1] = r;
  }
  if (!*ret_why && t->gaps && all_standard && !p->mode->template_gaps)
    *ret_why = "it leaves out residues of the query, which networks of generation P1 were not trained with";
  return OF3_OK;
}

/* Slot t of the tokens of a chain. */
static void put_template(const placing *p, int t, int first, int n) {
  of3_features *f = p->out;
  for (int token = first; token < first + n; token++) {
    const of3_template_residue *r = p->face[p->complex->residue[p->tokens->token[token].residue].number - 1];
    const size_t at = (size_t)t * (size_t)f->n_token + (size_t)token;
    if (!r) continue;
    const bool glycine = strcmp(r->name, "GLY") == 0;
    const int beta = glycine ? OF3_TEMPLATE_CA : OF3_TEMPLATE_CB,
              frame = 1 << OF3_TEMPLATE_N | 1 << OF3_TEMPLATE_CA | 1 << OF3_TEMPLATE_C;
    const bool has_beta = r->found >> beta & 1, has_frame = (r->found & frame) == frame;
    f->template_restype[at] = has_beta || p->mode->template_gap ? r->restype : OF3_NO_CLASS;
    f->template_pseudo_beta_mask[at] = has_beta;
    f->template_backbone_frame_mask[at] = has_frame;
    memcpy(f->template_beta + 3 * at, r->atom[beta], 3 * sizeof(float));
    memcpy(f->template_frame + 9 * at, r->atom[OF3_TEMPLATE_N], 9 * sizeof(float));
  }
}

static of3_status take_coordinates(of3_features *f, of3_error *err) {
  const size_t n = (size_t)f->n_templ * (size_t)f->n_token;
  if (f->template_beta) return OF3_OK;
  f->template_beta = OF3_ARENA_NEW(f->arena, float, 3 * n);
  f->template_frame = OF3_ARENA_NEW(f->arena, float, 9 * n);
  return f->template_beta && f->template_frame ? OF3_OK : of3_fail_memory(err, "the templates");
}

/* The templates of a chain and its copies, whose tokens begin at *token. Those that cannot be used are not
 * replaced by later ones, as in the reference. */
static of3_status place_templates(placing *p, const of3_query_chain *c, const of3_template *t, int n,
                                  int first_token, int tokens_of_copy, of3_error *err) {
  int slot = 0;
  OF3_TRY(take_coordinates(p->out, err));
  for (int k = 0; k < n && k < p->out->n_templ; k++) {
    const char *why = NULL;
    OF3_TRY(face_residues(p, &t[k], c->n_residue, &why, err));
    if (why) {
      of3_logf(p->log, OF3_LOG_WARN, "chain %s: template %s is not used: %s", c->id[0], t[k].name, why);
      p->dropped++;
      continue;
    }
    for (int copy = 0; copy < c->n_id; copy++) {
      const int first = first_token + copy * tokens_of_copy;
      put_template(p, slot, first, tokens_of_copy);
    }
    of3_logf(p->log, OF3_LOG_DEBUG, "chain %s: template %s in slot %d, %d residues", c->id[0], t[k].name,
             slot, t[k].n_pair);
    slot++;
    p->used++;
  }
  return OF3_OK;
}

static of3_status find_templates(placing *p, const of3_query_chain *c, int first_token, int tokens_of_copy,
                                 of3_error *err) {
  const of3_template_request request = {.chain = c->id[0],
                                        .sequence = c->sequence,
                                        .hits = c->template_hits,
                                        .folder = p->mode->opt_structures,
                                        .n_structure = c->n_template,
                                        .structure = c->template_path,
                                        .structure_chain = c->template_chain,
                                        .most_memory = of3_arena_room(p->scratch),
                                        .opt_settings =
                                            p->mode->opt_settings ? &p->mode->opt_settings->templates : NULL,
                                        .date_inclusive = p->mode->variant == OF3_OB,
                                        .opt_cancel = p->mode->opt_cancel};
  of3_template *t = NULL;
  int n = 0, dropped = 0;
  if (tokens_of_copy < p->mode->template_least_tokens) {
    of3_logf(p->log, OF3_LOG_WARN,
             "chain %s: its templates are not used: chains of less than %d tokens have none", c->id[0],
             p->mode->template_least_tokens);
    return OF3_OK;
  }
  p->face = OF3_ARENA_NEW(p->scratch, const of3_template_residue *, c->n_residue);
  if (!p->face) return of3_fail_memory(err, "the templates");
  OF3_TRY(of3_templates_find(&request, p->log, p->scratch, &t, &n, &dropped, err));
  p->dropped += dropped;
  return place_templates(p, c, t, n, first_token, tokens_of_copy, err);
}

static int tokens_of_chain(const placing *p, int first) {
  const of3_token *token = p->tokens->token;
  const int chain = p->complex->residue[token[first].residue].chain;
  int n = 0;
  while (first + n < p->tokens->n && p->complex->residue[token[first + n].residue].chain == chain) n++;
  return n;
}

static of3_status all_templates(placing *p, of3_error *err) {
  int token = 0;
  for (int i = 0; i < p->query->n_chain; i++) {
    const of3_query_chain *c = &p->query->chain[i];
    const int n = tokens_of_chain(p, token);
    if (c->type == OF3_PROTEIN && (c->template_hits || c->n_template))
      OF3_TRY(find_templates(p, c, token, n, err));
    for (int k = 0; k < c->n_id; k++) token += tokens_of_chain(p, token);
  }
  if (p->used || p->dropped)
    of3_logf(p->log, OF3_LOG_INFO, "%s: %d templates used, %d not used", p->query->name, p->used, p->dropped);
  return OF3_OK;
}

of3_status of3_features_templates(const of3_complex *complex, const of3_tokens *tokens,
                                  const of3_query *query, const of3_feature_mode *mode, const of3_log *log,
                                  of3_features *out, of3_error *err) {
  of3_error own = {0};
  placing p = {complex, tokens, query, mode, log, out, of3_arena_new_within(out->arena), 0, 0, NULL};
  out->template_across_chains = mode->template_across_chains;
  of3_status status = p.scratch ? all_templates(&p, err ? err : &own) : of3_fail_memory(err, "the templates");
  of3_arena_free(p.scratch);
  return status;
}
