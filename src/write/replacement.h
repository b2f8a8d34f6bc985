/* How results of a query and seed come into the output folder: complete, and all at once.
 *
 *   OUT/.of3-new/new_S.QUERY/     new results are written here, of3_run.json last
 *   OUT/QUERY/seed_S/             then the two folders are exchanged, in one step
 *
 * After the exchange the stage holds the old results. What of3 wrote goes, what others put there moves to the
 * new folder. File systems that cannot exchange folders (NFS, some FUSE) get two renames instead, the old
 * folder to OUT/.of3-new/old_S.QUERY and then the new one to its place; of3_replacement_recover finishes what
 * a killed process began. Only who holds the folder's lock may use a stage. */
#ifndef OF3_WRITE_REPLACEMENT_H
#define OF3_WRITE_REPLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define OF3_STAGE_NAME ".of3-new"

typedef struct of3_replacement {
  const char *query;
  uint64_t seed;
  char *folder, *home, *parent; /* where it is written, where it goes (behind a link), OUT/QUERY */
  char *old;                    /* where old results are for a moment, if they cannot be exchanged */
} of3_replacement;

/* The paths, in the arena. out: the output folder. */
OF3_MUST_CHECK of3_status of3_replacement_of(const char *out, const char *query, uint64_t seed,
                                             of3_arena *arena, of3_replacement *ret_stage, of3_error *err);

/* Refuses to replace anything but a folder. */
OF3_MUST_CHECK of3_status of3_replacement_check(const of3_replacement *stage, of3_error *err);

/* An empty folder to write to. */
OF3_MUST_CHECK of3_status of3_replacement_begin(const of3_replacement *stage, of3_error *err);

/* Whether results, complete or not, stand where the new ones go. */
bool of3_replacement_replaces(const of3_replacement *stage);

/* Waits until all files of the stage are on the disk. */
OF3_MUST_CHECK of3_status of3_replacement_sync(const of3_replacement *stage, of3_error *err);

/* Puts the new results in their place. */
OF3_MUST_CHECK of3_status of3_replacement_commit(const of3_replacement *stage, of3_error *err);

/* Removes a stage whose results are not wanted. */
void of3_replacement_drop(const of3_replacement *stage);

/* After a process that was killed: puts back or forward what it began, and removes the rest. */
OF3_MUST_CHECK of3_status of3_replacement_recover(const char *out, of3_error *err);

/* Removes OUT/.of3-new, when no stage is in use. */
void of3_replacement_close(const char *out);

#endif
