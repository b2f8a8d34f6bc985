#include "write/query_json.h"

#include <stdio.h>

#include "base/json.h"

static json_t *strings(const char *const *text, int n) {
  json_t *list = json_array();
  for (int k = 0; k < n; k++)
    if (json_array_append_new(list, text[k] ? of3_json_text(text[k]) : json_null()) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

static json_t *some_strings(const char *const *text, int n) { return n ? strings(text, n) : json_null(); }

static json_t *modified_json(const of3_query_chain *c) {
  json_t *all = json_object();
  for (int k = 0; k < c->n_modified; k++) {
    char position[16];
    snprintf(position, sizeof position, "%d", c->modified[k].position);
    if (json_object_set_new(all, position, json_string(c->modified[k].code)) != 0) {
      json_decref(all);
      return NULL;
    }
  }
  return all;
}

/* Of structures that are files: their paths, or the chains of them; null: there are none. */
static json_t *templates_json(const of3_query_chain *c, bool paths) {
  json_t *list = json_array();
  for (int k = 0; k < c->n_template; k++) {
    const of3_template_source *t = &c->template_[k];
    const char *text = paths ? t->path : t->opt_chain;
    if (t->opt_text) continue;
    if (json_array_append_new(list, text ? of3_json_text(text) : json_null()) == 0) continue;
    json_decref(list);
    return NULL;
  }
  if (json_array_size(list)) return list;
  json_decref(list);
  return json_null();
}

static json_t *chain_json(const of3_query_chain *c) {
  static const char *const molecule[] = {
      [OF3_PROTEIN] = "PROTEIN", [OF3_RNA] = "RNA", [OF3_DNA] = "DNA", [OF3_LIGAND] = "LIGAND"};
  json_t *chain = json_pack(
      "{s:s, s:o, s:n, s:s?, s:o, s:s?, s:o, s:o, s:o, s:s?, s:n, s:o, s:o, s:o, s:b}", "molecule_type",
      molecule[c->type], "chain_ids", strings(c->id, c->n_id), "description", "sequence", c->sequence,
      "non_canonical_residues", c->n_modified ? modified_json(c) : json_null(), "smiles", c->smiles,
      "ccd_codes", c->n_code ? strings(c->code, c->n_code) : json_null(), "paired_msa_file_paths",
      some_strings(c->paired_path, c->n_paired), "main_msa_file_paths",
      c->no_msa ? json_array() : some_strings(c->msa_path, c->n_msa), "template_alignment_file_path",
      c->template_hits, "template_entry_chain_ids", "template_cif_paths", templates_json(c, true),
      "template_cif_chain_ids", templates_json(c, false), "sdf_file_path",
      c->sdf_path ? of3_json_text(c->sdf_path) : json_null(), "cyclic", c->cyclic);
  if (chain && c->number_shift &&
      json_object_set_new(chain, "starting_residue_number", json_integer(c->number_shift + 1)) != 0) {
    json_decref(chain);
    return NULL;
  }
  return chain;
}

static json_t *atom_json(const of3_query_atom *a) {
  return a->name ? json_pack("[s, i, s]", a->chain, a->residue, a->name)
                 : json_pack("[s, i]", a->chain, a->residue);
}

static json_t *atoms_json(const of3_query_atom *atom, int n) {
  json_t *list = json_array();
  for (int k = 0; k < n; k++)
    if (json_array_append_new(list, atom_json(&atom[k])) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

static json_t *bonds_json(const of3_query *q) {
  json_t *list = json_array();
  for (int k = 0; k < q->n_bond; k++)
    if (json_array_append_new(list,
                              json_pack("[o, o]", atom_json(&q->bond[k].a), atom_json(&q->bond[k].b))) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

static json_t *pocket_json(const of3_query_pocket *p) {
  return json_pack("{s:s, s:o, s:f}", "ligand_chain_id", p->ligand, "pocket_residues",
                   atoms_json(p->residue, p->n_residue), "max_distance", p->max_distance);
}

json_t *of3_query_json(const of3_query *q) {
  json_t *chains = json_array();
  for (int k = 0; k < q->n_chain; k++)
    if (json_array_append_new(chains, chain_json(&q->chain[k])) != 0) {
      json_decref(chains);
      return NULL;
    }
  json_t *query = json_pack("{s:s, s:o, s:b, s:b, s:b, s:o, s:o}", "query_name", q->name, "chains", chains,
                            "use_msas", q->use_msas, "use_paired_msas", q->use_paired_msas, "use_main_msas",
                            q->use_main_msas, "covalent_bonds", q->n_bond ? bonds_json(q) : json_null(),
                            "pocket_constraint", q->pocket ? pocket_json(q->pocket) : json_null());
  if (query && q->n_leaving &&
      json_object_set_new(query, "leaving_atoms", atoms_json(q->leaving, q->n_leaving)) != 0) {
    json_decref(query);
    return NULL;
  }
  return query;
}
