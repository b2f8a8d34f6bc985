#include "rdkit/chemistry_parts.h"

of3_status of3_chemistry_rdkit(of3_chemistry *c, const of3_rdkit **ret_rdkit, of3_error *err) {
  pthread_mutex_lock(&c->lock);
  if (!c->tried && of3_rdkit_open(&c->opt_rdkit, &c->missing) != OF3_OK) c->opt_rdkit = NULL;
  c->tried = true;
  pthread_mutex_unlock(&c->lock);
  *ret_rdkit = c->opt_rdkit;
  return c->opt_rdkit ? OF3_OK : of3_fail(err, c->missing.code, "%s", c->missing.text);
}

/* FNV-1a */
size_t of3_chemistry_bucket(const char *text) {
  uint32_t hash = 2166136261U;
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619U;
  return hash % OF3_CHEMISTRY_BUCKETS;
}
