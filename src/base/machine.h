/* What this process may use of the machine. */
#ifndef OF3_BASE_MACHINE_H
#define OF3_BASE_MACHINE_H

#include <stdint.h>

/* Processors: those of its affinity, within the control group's quota. */
int of3_usable_processors(void);

/* n processors within a quota, rounded to the nearest whole number. At least 1. */
int of3_processors_within(long n, double quota);

/* Bytes of memory that are free, and that the control group's limit leaves; 0 if unknown. */
uint64_t of3_usable_memory(void);

/* The parts that read control groups, version 1 and 2: the least of what the process's group and the groups
 * around it allow, in processors and bytes (what caches of files hold could be had back, so it counts as
 * free). INFINITY: no limit. root: where proc and sys lie, "" but for tests. */
double of3_cgroup_processors(const char *root);
double of3_cgroup_memory(const char *root);

#endif
