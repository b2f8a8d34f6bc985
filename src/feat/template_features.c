/* Templates of chains in the slots of the features (docs/features.md 4). Slot t of a chain is its t-th
 * template; slots of different chains have nothing to do with each other. */
#include <stdlib.h>
#include <string.h>

#include "feat/parts.h"
#include "template/draw.h"
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
  int n_drawn;                       /* chains that have drawn templates */
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

/* What becomes of a template. why: of one that is not used, for the log. */
typedef struct verdict {
  const char *opt_why;
  bool names;      /* it is not used, but the names of its residues stay in the slot */
  bool takes_slot; /* the next template has the next slot */
} verdict;

/* Residues of a template that face some of the query. */
typedef struct facing {
  bool beyond;          /* the template names residues that its chain does not have */
  bool others;          /* a component that is no standard residue */
  bool amino, rna, dna; /* standard residues */
} facing;

/* Fills p->face. */
static of3_status face_residues(placing *p, const of3_template *t, int n_residue, facing *out,
                                of3_error *err) {
  memset(p->face, 0, (size_t)n_residue * sizeof(void *));
  *out = (facing){0};
  for (int k = 0; k < t->n_pair && !out->beyond; k++) {
    const of3_template_match at = t->pair[k];
    if (at.query < 1 || at.query > n_residue) continue;
    out->beyond = at.template_ < 1 || at.template_ > t->chain->n;
    if (out->beyond) break;
    const of3_template_residue *r = &t->chain->residue[at.template_ - 1];
    bool has = true;
    if (!r->standard && !has_atoms(p, r, &has, err)) return err->code;
    out->others |= !r->standard;
    out->amino |= r->standard && r->restype <= OF3_CLASS_UNK;
    out->rna |= r->standard && r->restype > OF3_CLASS_UNK && r->restype <= OF3_CLASS_N;
    out->dna |= r->standard && r->restype > OF3_CLASS_N;
    if (has) p->face[at.query - 1] = r;
  }
  return OF3_OK;
}

/* OpenFold3 does not ask whether a hit is a protein. Residues of nucleic acids have none of the atoms that
 * templates are made of: a chain of standard ones falls out when these are counted, when their names have
 * been written; one with others (or of RNA and DNA) loses all residues before, and takes a slot with nothing
 * in it. 0.3 masks the names. */
static verdict judge_nucleic(placing *p, const facing *f, int n_residue) {
  const bool pure = !f->others && !f->amino && f->rna != f->dna, first = !p->mode->template_gap;
  if (pure || first) return (verdict){.opt_why = "its chain is no protein", .names = pure && !first};
  memset(p->face, 0, (size_t)n_residue * sizeof(void *));
  return (verdict){.opt_why = "its chain is no protein", .takes_slot = true};
}

static verdict judge(placing *p, const of3_template *t, const facing *f, int n_residue) {
  if (f->beyond) return (verdict){.opt_why = "it names residues beyond its chain"};
  if (f->rna || f->dna) return judge_nucleic(p, f, n_residue);
  if (t->gaps && !p->mode->template_gaps)
    return (verdict){.opt_why =
                         "it leaves out residues of the query, which networks of generation P1 were not "
                         "trained with"};
  return (verdict){.takes_slot = true};
}

/* The residue that the token's faces, or NULL. */
static const of3_template_residue *faced_by(const placing *p, int token) {
  return p->face[p->complex->residue[p->tokens->token[token].residue].number - 1];
}

/* Names alone, which the next template of the slot covers where it has residues. */
static void put_names(const placing *p, int t, int first, int n) {
  for (int token = first; token < first + n; token++) {
    const of3_template_residue *r = faced_by(p, token);
    if (r) p->out->template_restype[(size_t)t * (size_t)p->out->n_token + (size_t)token] = r->restype;
  }
}

/* Slot t of the tokens of a chain. */
static void put_template(const placing *p, int t, int first, int n) {
  of3_features *f = p->out;
  for (int token = first; token < first + n; token++) {
    const of3_template_residue *r = faced_by(p, token);
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

/* An account takes the place of a warning. */
static void tell_template(const placing *p, const char *chain, const of3_template *t, const verdict *v,
                          int slot) {
  of3_chain_account *account = of3_account_chain(p->mode->opt_account, chain);
  if (v->opt_why)
    of3_logf(p->log, account ? OF3_LOG_INFO : OF3_LOG_WARN, "chain %s: template %s is not used: %s", chain,
             t->name, v->opt_why);
  else
    of3_logf(p->log, OF3_LOG_DEBUG, "chain %s: template %s in slot %d, %d residues", chain, t->name, slot,
             t->n_pair);
  of3_account_template(account, (of3_template_account){.name = t->name,
                                                       .opt_why = v->opt_why,
                                                       .slot = v->opt_why ? 0 : slot + 1,
                                                       .n_pair = t->n_pair});
}

/* Copies of a chain that have the same templates, and the tokens of each. */
typedef struct copies {
  const of3_query_chain *chain;
  int first, n; /* which of the copies */
  int first_token, tokens_of_copy;
} copies;

/* Those of t[] that `which` names. Templates that cannot be used are not replaced by later ones, as in the
 * reference. */
static of3_status place_templates(placing *p, copies c, const of3_template *t, int n, const int32_t *which,
                                  of3_error *err) {
  const char *id = c.chain->id[c.first];
  int slot = 0;
  for (int k = 0; k < n; k++) {
    const of3_template *at = &t[which[k]];
    facing faces;
    OF3_TRY(face_residues(p, at, c.chain->n_residue, &faces, err));
    const verdict v = judge(p, at, &faces, c.chain->n_residue);
    for (int copy = 0; copy < c.n && (v.names || !v.opt_why); copy++)
      (v.names ? put_names : put_template)(p, slot, c.first_token + copy * c.tokens_of_copy,
                                           c.tokens_of_copy);
    tell_template(p, id, at, &v, slot);
    *(v.opt_why ? &p->dropped : &p->used) += 1;
    slot += v.takes_slot;
  }
  return OF3_OK;
}

/* The first templates for all copies; or for each copy those that it draws. */
static of3_status choose_templates(placing *p, copies all, const of3_template *t, int n, of3_error *err) {
  const of3_msa_draw *draw = p->mode->opt_draw;
  const int slots = p->out->n_templ;
  int32_t *which = OF3_ARENA_NEW(p->scratch, int32_t, n);
  if (!which) return of3_fail_memory(err, "the templates");
  OF3_TRY(take_coordinates(p->out, err));
  if (!draw || !draw->templates) {
    for (int k = 0; k < n; k++) which[k] = k;
    for (int k = slots; k < n; k++)
      of3_account_template(
          of3_account_chain(p->mode->opt_account, all.chain->id[0]),
          (of3_template_account){.name = t[k].name, .opt_why = "as many as there are slots come before it"});
    return place_templates(p, all, t, n < slots ? n : slots, which, err);
  }
  for (int copy = 0; copy < all.n; copy++) {
    const int k = of3_template_draw(draw, p->mode->msa.release, p->n_drawn++, n, slots, which);
    const copies one = {all.chain, copy, 1, all.first_token + copy * all.tokens_of_copy, all.tokens_of_copy};
    OF3_TRY(place_templates(p, one, t, k, which, err));
  }
  return OF3_OK;
}

static of3_status find_templates(placing *p, const of3_query_chain *c, int first_token, int tokens_of_copy,
                                 of3_error *err) {
  const of3_template_request request = {.chain = c->id[0],
                                        .sequence = c->sequence,
                                        .hits = c->template_hits,
                                        .folder = p->mode->opt_structures,
                                        .n_source = c->n_template,
                                        .source = c->template_,
                                        .most_memory = of3_arena_room(p->scratch),
                                        .opt_settings =
                                            p->mode->opt_settings ? &p->mode->opt_settings->templates : NULL,
                                        .opt_account = of3_account_chain(p->mode->opt_account, c->id[0]),
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
  return choose_templates(p, (copies){c, 0, c->n_id, first_token, tokens_of_copy}, t, n, err);
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
  placing p = {complex, tokens, query, mode, log, out, of3_arena_new_within(out->arena), 0, 0, NULL, 0};
  out->template_across_chains = mode->template_across_chains;
  of3_status status = p.scratch ? all_templates(&p, err ? err : &own) : of3_fail_memory(err, "the templates");
  of3_arena_free(p.scratch);
  return status;
}
