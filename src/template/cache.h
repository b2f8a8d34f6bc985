/* The reference's caches of templates: an NPZ with a member "<entry>_<chain>" for each template of a chain, a
 * pickled dictionary {index, release_date, idx_map}. What they are called is a hash of what they were made
 * of. */
#ifndef OF3_TEMPLATE_CACHE_H
#define OF3_TEMPLATE_CACHE_H

#include "template/hits.h"
#include "template/template.h"

/* A cache's content as hits, in the order of the archive, with pairs and without letters; rows of idx_map
 * in which one of both is missing are left out. want->path names it in messages. */
OF3_MUST_CHECK of3_status of3_template_cache_parse(const of3_hits_want *want, const uint8_t *bytes,
                                                   size_t size, of3_arena *arena, of3_template_hit **ret_hit,
                                                   int *ret_n, of3_error *err);

/* The file's name in the folder of caches, as OpenFold3 has it since 0.4.5:
 * seq-<sha256 of the sequence>.aln-<sha256 of the file of hits>.npz. In the arena. */
OF3_MUST_CHECK of3_status of3_template_cache_path(const of3_template_request *request, of3_arena *arena,
                                                  const char **ret_path, of3_error *err);

/* Writes templates[n], of which there is at least one. */
OF3_MUST_CHECK of3_status of3_template_cache_write(const char *path, const of3_template *templates, int n,
                                                   of3_cancel *opt_cancel, of3_error *err);

#endif
