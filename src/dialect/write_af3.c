#define _XOPEN_SOURCE 700
#include "dialect/write_af3.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { DIALECT_VERSION = 4, DEFAULT_SEED = 42 };

/* ---- What AlphaFold 3 cannot say */

static of3_status cannot(of3_error *err, const char *what) {
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "AlphaFold 3's JSON has no word for %s", what);
}

static bool is_paired_file(const char *path) {
  const char *name = of3_path_name(path);
  return strcmp(name, "uniprot_hits.a3m") == 0;
}

/* Of the files and texts that pair, or of the others. */
static int alignments(const of3_query_chain *c, bool paired) {
  int n = 0;
  for (int i = 0; i < c->n_msa; i++) n += is_paired_file(c->msa_path[i]) == paired;
  for (int i = 0; i < c->n_msa_text; i++) n += (strcmp(c->msa_text[i].key, "uniprot_hits") == 0) == paired;
  return n;
}

static of3_status check_alignments(const of3_query_chain *c, of3_error *err) {
  if (alignments(c, false) > 1 || alignments(c, true) > 1)
    return cannot(err, "several alignments of a chain");
  for (int i = 0; i < c->n_msa; i++) {
    const size_t n = strlen(c->msa_path[i]);
    if (of3_is_folder(c->msa_path[i]) || n < 4 || strcmp(c->msa_path[i] + n - 4, ".a3m") != 0)
      return cannot(err, "alignments that are no A3M file");
  }
  return OF3_OK;
}

static of3_status check_chain(const of3_query_chain *c, of3_error *err) {
  for (int i = 0; i < c->n_id; i++)
    if (c->id[i][strspn(c->id[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
      return of3_fail(err, OF3_ERR_UNSUPPORTED, "AlphaFold 3 takes capital letters as chain ids, not '%.32s'",
                      c->id[i]);
  if (c->sdf_path) return cannot(err, "ligands from SDF files");
  if (c->name) return cannot(err, "names of ligands");
  if (c->template_hits) return cannot(err, "templates without maps of their residues");
  for (int i = 0; i < c->n_template; i++) {
    if (!c->template_[i].mapped) return cannot(err, "templates without maps of their residues");
    if (c->template_[i].opt_chain) return cannot(err, "a chain of a template");
  }
  if (c->n_paired) return cannot(err, "alignments whose rows match those of other chains one by one");
  if (c->no_msa) return cannot(err, "an empty list of alignments");
  if (c->cyclic) return cannot(err, "cyclic chains");
  if (c->number_shift) return cannot(err, "residue numbers that do not begin with 1");
  return check_alignments(c, err);
}

static const of3_query_chain *chain_of(const of3_query *q, const char *id) {
  for (int i = 0; i < q->n_chain; i++)
    for (int k = 0; k < q->chain[i].n_id; k++)
      if (strcmp(q->chain[i].id[k], id) == 0) return &q->chain[i];
  return NULL;
}

static of3_status check_bonds(const of3_query *q, of3_error *err) {
  for (int i = 0; i < q->n_bond; i++) {
    const of3_query_chain *a = chain_of(q, q->bond[i].a.chain), *b = chain_of(q, q->bond[i].b.chain);
    if ((a && a->smiles) || (b && b->smiles)) return cannot(err, "bonds of ligands by SMILES");
  }
  return OF3_OK;
}

static of3_status check_query(const of3_query *q, of3_error *err) {
  if (q->n_leaving) return cannot(err, "leaving atoms");
  if (q->pocket) return cannot(err, "pockets");
  if (!q->use_msas || !q->use_main_msas || !q->use_paired_msas)
    return cannot(err, "switches of alignments (use_msas and the like)");
  for (int i = 0; i < q->n_chain; i++)
    if (check_chain(&q->chain[i], err) != OF3_OK) return of3_prefix(err, "chain %s", q->chain[i].id[0]);
  return check_bonds(q, err);
}

/* ---- Writing. Jansson's functions take NULL for a value and fail; one look at the end is enough. */

static json_t *texts(const char *const *text, int n) {
  json_t *list = json_array();
  for (int i = 0; i < n; i++)
    if (json_array_append_new(list, json_string(text[i])) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

static json_t *modifications(const of3_query_chain *c) {
  const bool protein = c->type == OF3_PROTEIN;
  json_t *list = json_array();
  for (int i = 0; i < c->n_modified; i++) {
    json_t *one = json_pack("{s:s, s:i}", protein ? "ptmType" : "modificationType", c->modified[i].code,
                            protein ? "ptmPosition" : "basePosition", c->modified[i].position);
    if (json_array_append_new(list, one) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

/* The absolute path as a value. */
static json_t *path_value(const char *path) {
  char *whole = realpath(path, NULL);
  json_t *value = json_string(whole ? whole : path);
  free(whole);
  return value;
}

/* Residues of a map, which count from 0 there. */
static json_t *indices(const of3_template_source *t, bool of_query) {
  json_t *list = json_array();
  for (int i = 0; i < t->n_pair; i++)
    if (json_array_append_new(list, json_integer((of_query ? t->pair[i].query : t->pair[i].template_) - 1)) !=
        0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

static json_t *templates(const of3_query_chain *c) {
  json_t *list = json_array();
  for (int i = 0; i < c->n_template; i++) {
    const of3_template_source *t = &c->template_[i];
    json_t *one = json_pack("{s:o, s:o, s:o}", t->opt_text ? "mmcif" : "mmcifPath",
                            t->opt_text ? json_string(t->opt_text) : path_value(t->path), "queryIndices",
                            indices(t, true), "templateIndices", indices(t, false));
    if (json_array_append_new(list, one) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

/* Of proteins and RNA: alignments where there are any, and templates; a key that is not there lets AlphaFold
 * 3 search, which it does for alignments and templates or, where a chain has templates, for none of both. */
static bool add_alignments(const of3_query_chain *c, json_t *m) {
  bool ok = true;
  if (c->n_msa + c->n_msa_text + c->n_template == 0 && !c->no_search)
    return !c->no_templates || json_object_set_new(m, "templates", json_array()) == 0;
  for (int i = 0; i < c->n_msa; i++)
    ok = json_object_set_new(m, is_paired_file(c->msa_path[i]) ? "pairedMsaPath" : "unpairedMsaPath",
                             path_value(c->msa_path[i])) == 0 &&
         ok;
  for (int i = 0; i < c->n_msa_text; i++)
    ok = json_object_set_new(m, strcmp(c->msa_text[i].key, "uniprot_hits") == 0 ? "pairedMsa" : "unpairedMsa",
                             json_string(c->msa_text[i].text)) == 0 &&
         ok;
  if (alignments(c, false) == 0) ok = json_object_set_new(m, "unpairedMsa", json_string("")) == 0 && ok;
  if (c->type != OF3_PROTEIN) return ok;
  if (alignments(c, true) == 0) ok = json_object_set_new(m, "pairedMsa", json_string("")) == 0 && ok;
  return json_object_set_new(m, "templates", templates(c)) == 0 && ok;
}

static json_t *molecule(const of3_query_chain *c) {
  static const char *const names[] = {
      [OF3_PROTEIN] = "protein", [OF3_RNA] = "rna", [OF3_DNA] = "dna", [OF3_LIGAND] = "ligand"};
  json_t *m = json_pack("{s:o}", "id", c->n_id == 1 ? json_string(c->id[0]) : texts(c->id, c->n_id));
  bool ok = m != NULL;
  if (c->sequence) ok = json_object_set_new(m, "sequence", json_string(c->sequence)) == 0 && ok;
  if (c->n_modified) ok = json_object_set_new(m, "modifications", modifications(c)) == 0 && ok;
  if (c->n_code) ok = json_object_set_new(m, "ccdCodes", texts(c->code, c->n_code)) == 0 && ok;
  if (c->smiles) ok = json_object_set_new(m, "smiles", json_string(c->smiles)) == 0 && ok;
  if (c->type == OF3_PROTEIN || c->type == OF3_RNA) ok = add_alignments(c, m) && ok;
  if (ok) return json_pack("{s:o}", names[c->type], m);
  json_decref(m);
  return NULL;
}

static json_t *bonds(const of3_query *q) {
  json_t *list = json_array();
  for (int i = 0; i < q->n_bond; i++) {
    const of3_query_atom *a = &q->bond[i].a, *b = &q->bond[i].b;
    json_t *pair =
        json_pack("[[s,i,s],[s,i,s]]", a->chain, a->residue, a->name, b->chain, b->residue, b->name);
    if (json_array_append_new(list, pair) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *seeds(const uint64_t *seed, int n) {
  json_t *list = json_array();
  for (int i = 0; i < (n ? n : 1); i++)
    if (json_array_append_new(list, json_integer(n ? (json_int_t)seed[i] : DEFAULT_SEED)) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

of3_status of3_query_to_af3(const of3_query *q, const uint64_t *seed, int n_seed, json_t **ret_job,
                            of3_error *err) {
  *ret_job = NULL;
  OF3_TRY(check_query(q, err));
  json_t *list = json_array();
  bool ok = list != NULL;
  for (int i = 0; i < q->n_chain; i++) ok = json_array_append_new(list, molecule(&q->chain[i])) == 0 && ok;
  json_t *job =
      json_pack("{s:s, s:i, s:o, s:o, s:o}", "dialect", "alphafold3", "version", DIALECT_VERSION, "name",
                of3_json_text(q->name), "modelSeeds", seeds(seed, n_seed), "sequences", list);
  ok = job && ok;
  if (q->n_bond) ok = json_object_set_new(job, "bondedAtomPairs", bonds(q)) == 0 && ok;
  if (q->components) ok = json_object_set_new(job, "userCCD", json_string(q->components)) == 0 && ok;
  if (!ok) {
    json_decref(job);
    return of3_fail_memory(err, "a query");
  }
  *ret_job = job;
  return OF3_OK;
}
