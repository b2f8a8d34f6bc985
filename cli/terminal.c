#define _DEFAULT_SOURCE /* TIOCGWINSZ, sigaction */
#include "terminal.h"
#include "text.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* ---- Signals */

/* The number of the signal that asks to stop, or 0; whether somebody closed a pipe that was written to. A
 * handler can reach nothing but file-scope variables. */
static volatile sig_atomic_t stop_signal, pipe_closed;

static int stop_signal_seen(void) { return __atomic_load_n(&stop_signal, __ATOMIC_RELAXED); }

/* The second signal, of whichever kind, ends the process. What the interrupted code has in errno stays. */
static void on_signal(int number) {
  const int before = errno;
  if (stop_signal_seen()) {
    signal(number, SIG_DFL);
    raise(number);
  }
  __atomic_store_n(&stop_signal, number, __ATOMIC_RELAXED); /* threads of of3 read it */
  errno = before;
}

/* The write fails with EPIPE all the same. */
static void on_closed_pipe(int number) {
  (void)number;
  pipe_closed = 1;
}

/* The signal of reading what a mapped file no longer has; several threads may get it. */
static void on_bus_error(int number, siginfo_t *info, void *context) {
  static const char text[] = "of3: a checkpoint or an alignment was cut short while it was in use; put a new "
                             "file in its place by renaming, not by overwriting\n";
  static atomic_flag said = ATOMIC_FLAG_INIT;
  (void)context;
  if (info->si_code <= 0) { /* another process sent it */
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  while (atomic_flag_test_and_set(&said)) pause();
  ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
  (void)n;
  _exit(CLI_EXIT_FAILED);
}

void cli_prepare_signals(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  struct sigaction pipe = {.sa_handler = on_closed_pipe, .sa_flags = SA_RESTART};
  struct sigaction bus = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
  sigemptyset(&bus.sa_mask);
  sigemptyset(&pipe.sa_mask);
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &pipe, NULL);
  sigaction(SIGXFSZ, &ignore, NULL);
  sigaction(SIGBUS, &bus, NULL);
}

static void catch_stop_signals(void) {
  struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&stop.sa_mask);
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
}

/* ---- Standard output */

/* Why the first write to it that failed did, as far as it is known. */
static int output_errno;

void cli_flush_output(void) {
  errno = 0;
  if (fflush(stdout) != 0 && !output_errno) output_errno = errno;
}

int cli_end_output(int code) {
  cli_flush_output();
  if (!output_errno && !ferror(stdout)) return code;
  if (pipe_closed) return code == CLI_EXIT_OK ? CLI_EXIT_SIGNAL + SIGPIPE : code;
  fprintf(stderr, "of3: cannot write to the standard output: %s\n",
          output_errno ? strerror(output_errno) : "a part of it was lost");
  return code == CLI_EXIT_OK ? CLI_EXIT_FAILED : code;
}

int cli_report(const of3_error *err) {
  fputs("of3: ", stderr);
  cli_put(stderr, err->text);
  fputc('\n', stderr);
  switch (err->code) {
  case OF3_OK:
    return CLI_EXIT_OK;
  case OF3_ERR_USAGE:
    return CLI_EXIT_USAGE;
  case OF3_ERR_CANCELLED:
    return CLI_EXIT_SIGNAL + (stop_signal_seen() ? stop_signal_seen() : SIGINT);
  default:
    return CLI_EXIT_FAILED;
  }
}

/* ---- Messages */

void cli_clear(cli_terminal *t) {
  if (t->line) fputs("\r\033[K", stderr);
  t->line = false;
}

static void show_message(void *user, of3_level level, const char *text) {
  static const char *const prefix[] = {"debug: ", "", "warning: ", "error: "};
  cli_clear(user);
  fputs(prefix[level], stderr);
  cli_put(stderr, text);
  fputc('\n', stderr);
}

/* ---- Progress */

enum { PLAIN_INTERVAL = 10 /* seconds between plain lines */ };
static const double LINE_INTERVAL = 0.1; /* between changes of the progress line */

static double terminal_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void duration(double seconds, char *out, size_t size) {
  long s = (long)(seconds + 0.5);
  if (s < 60)
    snprintf(out, size, "%ld s", s);
  else if (s < 3600)
    snprintf(out, size, "%ld min %02ld s", s / 60, s % 60);
  else
    snprintf(out, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
}

static void progress_text(const cli_worker *t, const of3_progress_info *p, char *out, size_t size) {
  char left[64];
  int n = snprintf(out, size, "%s", t->label);
  if (p->n_more > 0) n += snprintf(out + n, size - (size_t)n, " and %d more", p->n_more);
  if (p->n_item > 1) n += snprintf(out + n, size - (size_t)n, " (%d of %d)", p->item, p->n_item);
  n += snprintf(out + n, size - (size_t)n, ": %s", p->phase);
  if (p->total > 1) n += snprintf(out + n, size - (size_t)n, " %d/%d", p->done, p->total);
  double spent = p->seconds - t->phase_began;
  int made = p->done - t->phase_from;
  if (made > 0 && spent > 0.05 && p->total > 1) {
    double rate = made / spent;
    n += snprintf(out + n, size - (size_t)n, rate >= 1 ? ", %.1f steps/s" : ", %.1f s/step",
                  rate >= 1 ? rate : 1 / rate);
  }
  if (p->fraction > 0.01 && p->fraction < 1 && p->seconds > 0.5) {
    duration(p->seconds * (1 - p->fraction) / p->fraction, left, sizeof left);
    snprintf(out + n, size - (size_t)n, ", about %s left", left);
  }
}

/* "(5 of 40) a seed 42 12%, b seed 42 9%" */
static void workers_text(const cli_terminal *t, int n_item, char *out, size_t size) {
  int last = 0;
  for (int i = 0; i < t->n_worker; i++)
    if (t->worker[i].item > last) last = t->worker[i].item;
  size_t n = (size_t)snprintf(out, size, "(%d of %d)", last, n_item);
  const char *between = " ";
  for (int i = 0; i < t->n_worker && n < size; i++) {
    const cli_worker *l = &t->worker[i];
    if (!l->item) continue;
    n += (size_t)snprintf(out + n, size - n, "%s%s %.0f%%", between, l->label, 100 * l->fraction);
    between = ", ";
  }
}

/* A line that wrapped could not be written over. */
static void cut_to_width(char *text) {
  struct winsize w;
  size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
  if (cli_characters(text) >= columns) text[cli_first_characters(text, columns - 1)] = 0;
}

/* Notes where a worker is; true: at another item or in another phase than before. */
static bool note_progress(cli_terminal *t, cli_worker *l, const of3_progress_info *p) {
  if (t->n_worker != p->n_worker) memset(t->worker, 0, sizeof t->worker);
  t->n_worker = p->n_worker;
  l->fraction = p->fraction;
  if (l->item == p->item && l->phase && strcmp(l->phase, p->phase) == 0) return false;
  char name[256];
  cli_clean(p->query, name, sizeof name);
  snprintf(l->label, sizeof l->label, "%.*s seed %llu",
           (int)cli_first_characters(name, p->n_worker > 1 ? 20 : 40), name, (unsigned long long)p->seed);
  l->item = p->item;
  l->phase = p->phase;
  l->phase_began = p->seconds;
  l->phase_from = p->done;
  return true;
}

static void write_over(cli_terminal *t, double clock, char *text) {
  cut_to_width(text);
  fprintf(stderr, "\r%s\033[K", text);
  t->shown = clock;
  t->line = true;
}

static void show_progress(void *user, const of3_progress_info *p) {
  cli_terminal *t = user;
  if (p->worker >= CLI_MOST_WORKERS) return;
  cli_worker *l = &t->worker[p->worker];
  char text[512];
  double clock = terminal_now();
  bool other = note_progress(t, l, p);
  if (t->is_terminal) {
    bool must = p->n_worker == 1 && (other || p->done >= p->total);
    if (!must && clock - t->shown < LINE_INTERVAL) return;
    if (p->n_worker > 1)
      workers_text(t, p->n_item, text, sizeof text);
    else
      progress_text(l, p, text, sizeof text);
    write_over(t, clock, text);
  } else {
    if (!other && clock - l->shown < PLAIN_INTERVAL) return;
    l->shown = clock;
    progress_text(l, p, text, sizeof text);
    fprintf(stderr, "%s\n", text);
  }
  fflush(stderr);
}

of3_callbacks cli_callbacks(cli_terminal *t, const char *level) {
  static const char *const name[] = {"debug", "info", "warn", "error"};
  of3_callbacks c = {.user = t, .log = show_message, .least = OF3_LOG_INFO, .cancel = &stop_signal};
  for (int i = 0; i < 4; i++)
    if (strcmp(level, name[i]) == 0) c.least = (of3_level)i;
  t->is_terminal = isatty(STDERR_FILENO) == 1;
  if (c.least <= OF3_LOG_INFO) c.progress = show_progress;
  catch_stop_signals();
  return c;
}
