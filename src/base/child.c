#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

extern char **environ;

typedef struct child {
  pid_t pid;  /* 0: the place is free */
  int output; /* the reading end of its outputs; -1: they are closed */
  size_t n_said;
  char said[OF3_CHILD_WORDS];
} child;

struct of3_children {
  pid_t guard; /* and the number of the process group */
  int alive;   /* the writing end of the guard's pipe, which nobody else has */
  child child[OF3_MOST_CHILDREN];
};

/* ---- The guard */

/* Between fork and _exit only what is safe in a process that had threads. Signals of a terminal go to its
 * foreground group, which this is not. */
static void guard_main(int from_parent) {
  char byte;
  setpgid(0, 0);
  while (read(from_parent, &byte, 1) < 0 && errno == EINTR) {
  }
  kill(0, SIGKILL);
  _exit(0);
}

static bool open_pipe(int end[2]) {
  if (pipe(end) != 0) return false;
  fcntl(end[0], F_SETFD, FD_CLOEXEC);
  fcntl(end[1], F_SETFD, FD_CLOEXEC);
  return true;
}

of3_status of3_children_new(of3_children **ret, of3_error *err) {
  int end[2];
  of3_children *c = calloc(1, sizeof *c);
  *ret = NULL;
  if (!c) return of3_fail_memory(err, "child processes");
  if (!open_pipe(end)) {
    free(c);
    return of3_fail(err, OF3_ERR_IO, "cannot make a pipe for child processes: %s", strerror(errno));
  }
  c->guard = fork();
  if (c->guard == 0) {
    close(end[1]);
    guard_main(end[0]);
  }
  close(end[0]);
  c->alive = end[1];
  if (c->guard < 0) {
    const int e = errno;
    close(c->alive);
    free(c);
    return of3_fail(err, OF3_ERR_IO, "cannot start child processes: %s", strerror(e));
  }
  setpgid(c->guard, c->guard); /* here as well, so that it is so before the first child */
  *ret = c;
  return OF3_OK;
}

void of3_children_free(of3_children *c) {
  if (!c) return;
  killpg(c->guard, SIGKILL);
  close(c->alive);
  for (int i = 0; i < OF3_MOST_CHILDREN; i++) {
    if (!c->child[i].pid) continue;
    waitpid(c->child[i].pid, NULL, 0);
    if (c->child[i].output >= 0) close(c->child[i].output);
  }
  waitpid(c->guard, NULL, 0);
  free(c);
}

/* ---- Starting */

/* Signals as programs expect them, whatever this one does about its own. */
static bool set_attributes(const of3_children *c, posix_spawnattr_t *a) {
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  const int number[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGBUS};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++) sigaddset(&usual, number[i]);
  return posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                         POSIX_SPAWN_SETSIGMASK) == 0 &&
         posix_spawnattr_setpgroup(a, c->guard) == 0 && posix_spawnattr_setsigdefault(a, &usual) == 0 &&
         posix_spawnattr_setsigmask(a, &none) == 0;
}

static int spawn(const of3_children *c, const char *const *argv, int output, pid_t *ret_pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&files) != 0) return ENOMEM;
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&files);
    return ENOMEM;
  }
  int code = ENOMEM;
  if (set_attributes(c, &attributes) &&
      posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
      posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) == 0 &&
      posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO) == 0)
    code = posix_spawn(ret_pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return code;
}

of3_status of3_child_start(of3_children *c, const char *const *argv, int *ret_id, of3_error *err) {
  int id = 0, end[2];
  pid_t pid = 0;
  while (id < OF3_MOST_CHILDREN && c->child[id].pid) id++;
  if (id == OF3_MOST_CHILDREN)
    return of3_fail(err, OF3_ERR_INTERNAL, "more than %d programs were to run side by side",
                    OF3_MOST_CHILDREN);
  if (!open_pipe(end)) return of3_fail(err, OF3_ERR_IO, "cannot make a pipe: %s", strerror(errno));
  const int code = spawn(c, argv, end[1], &pid);
  close(end[1]);
  if (code != 0) {
    close(end[0]);
    return of3_fail(err, OF3_ERR_IO, "cannot run '%s': %s", argv[0], strerror(code));
  }
  fcntl(end[0], F_SETFL, O_NONBLOCK);
  c->child[id] = (child){.pid = pid, .output = end[0]};
  *ret_id = id;
  return OF3_OK;
}

/* ---- Waiting */

static void keep_words(child *c, const char *bytes, size_t n) {
  const size_t room = sizeof c->said - 1;
  if (n > room) bytes += n - room, n = room;
  if (c->n_said + n > room) {
    const size_t drop = c->n_said + n - room;
    memmove(c->said, c->said + drop, c->n_said - drop);
    c->n_said -= drop;
  }
  memcpy(c->said + c->n_said, bytes, n);
  c->n_said += n;
}

/* Reads what there is. */
static void listen_to(child *c) {
  char bytes[4096];
  while (c->output >= 0) {
    const ssize_t n = read(c->output, bytes, sizeof bytes);
    if (n > 0) {
      keep_words(c, bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      close(c->output);
      c->output = -1;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

static bool has_ended(of3_children *c, int id, of3_child_end *out) {
  int how = 0;
  child *k = &c->child[id];
  if (waitpid(k->pid, &how, WNOHANG) != k->pid) return false;
  listen_to(k);
  if (k->output >= 0) close(k->output);
  *out = (of3_child_end){.id = id,
                         .exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : 0,
                         .signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0};
  memcpy(out->said, k->said, k->n_said);
  k->pid = 0;
  return true;
}

void of3_children_wait(of3_children *c, double seconds, of3_child_end *out) {
  enum { LOOK_MS = 100, CLOSED_MS = 5 }; /* between looks; where a child that ends has closed its outputs */
  const double until = of3_seconds() + seconds;
  *out = (of3_child_end){.id = -1};
  for (;;) {
    struct pollfd pipes[OF3_MOST_CHILDREN];
    int n = 0, running = 0, wait = LOOK_MS;
    for (int i = 0; i < OF3_MOST_CHILDREN; i++) {
      child *k = &c->child[i];
      if (!k->pid) continue;
      listen_to(k);
      if (has_ended(c, i, out)) return;
      running++;
      if (k->output >= 0)
        pipes[n++] = (struct pollfd){.fd = k->output, .events = POLLIN};
      else
        wait = CLOSED_MS;
    }
    const double left = (until - of3_seconds()) * 1e3;
    if (!running || left <= 0) return;
    poll(pipes, (nfds_t)n, left < wait ? (int)left + 1 : wait);
  }
}

/* ---- Failures */

/* The last lines, joined by blanks, as many as make a sentence; a line that begins with "Error" counts from
 * there on. */
static const char *last_words(char *said) {
  enum { MOST = 400 };
  for (char *p = said; *p; p++)
    if (of3_is_space(*p) || *p == '\0') *p = ' ';
  size_t n = strlen(said), k = 0;
  for (size_t i = 0; i < n; i++)
    if (said[i] != ' ' || (k && said[k - 1] != ' ')) said[k++] = said[i];
  while (k && said[k - 1] == ' ') k--;
  said[k] = 0;
  return k > MOST ? said + (k - MOST) : said;
}

of3_status of3_child_failed(const char *program, const of3_child_end *end, of3_error *err) {
  of3_child_end copy = *end;
  char how[64];
  const char *words = last_words(copy.said);
  if (end->signal)
    snprintf(how, sizeof how, "was ended by signal %d (%s)", end->signal, strsignal(end->signal));
  else
    snprintf(how, sizeof how, "ended with exit code %d", end->exit_code);
  return of3_fail(err, OF3_ERR_IO, "%s %s%s%s%s", program, how, *words ? " and said: '" : " and said nothing",
                  words, *words ? "'" : "");
}

/* ---- Finding programs */

static bool can_run(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *of3_find_program(const char *name) {
  of3_str s = {0};
  const char *path = strchr(name, '/') ? "" : getenv("PATH");
  if (strchr(name, '/')) return can_run(name) ? strdup(name) : NULL;
  while (path && *path) {
    const size_t n = strcspn(path, ":");
    of3_str_clear(&s);
    of3_str_addn(&s, path, n);
    of3_str_add(&s, n ? "/" : "./");
    of3_str_add(&s, name);
    if (!s.failed && can_run(s.text)) return s.text;
    path += n + (path[n] == ':');
  }
  of3_str_free(&s);
  return NULL;
}
