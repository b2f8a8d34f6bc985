/* A folder of its own for the tests of a group: for cmocka_run_group_tests. *state is its path. After
 * cmocka.h; the file defines what declares mkdtemp. */
#ifndef OF3_TESTS_FOLDER_H
#define OF3_TESTS_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int make_folder(void **state) {
  static char folder[] = "/tmp/of3-test-XXXXXX";
  *state = mkdtemp(folder);
  return *state ? 0 : -1;
}

static int remove_folder(void **state) {
  char command[64];
  snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
  return system(command);
}

#endif
