/* One search at the server: submit, wait, download, unpack. The head of colabfold.h shows the questions.
 *
 *   submit --> RATELIMIT, UNKNOWN: later again       ERROR, MAINTENANCE: the end
 *      |
 *   wait <---> UNKNOWN, PENDING, RUNNING             ERROR: the end
 *      |  \--> three times UNKNOWN, or a state that is none: submit again
 *   COMPLETE: download
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/tar.h"
#include "server/server_parts.h"

enum { MOST_TEXT = 1 << 20, MOST_PAUSE_S = 60, TELL_S = 60, LOST = 3 };
static const uint64_t most_archive = 4000000000u, most_unpacked = 64000000000u;

/* ---- Pauses */

/* SplitMix64 (Steele et al., 2014), as a number in 0 .. 1. */
static double draw(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

of3_status of3_server_pause(of3_colabfold *c, double seconds, of3_error *err) {
  const double until = of3_seconds() + seconds * (0.75 + 0.5 * draw(&c->random));
  for (double left; (left = until - of3_seconds()) > 0;) {
    OF3_TRY(of3_go_on(c->s.opt_cancel, err));
    const double step = left < 0.1 ? left : 0.1;
    nanosleep(&(struct timespec){.tv_nsec = (long)(step * 1e9)}, NULL);
  }
  return of3_go_on(c->s.opt_cancel, err);
}

/* Pauses that grow. */
static double grow(double pause) {
  const double next = 1.5 * pause;
  return next < MOST_PAUSE_S ? next : MOST_PAUSE_S;
}

/* ---- Questions */

static void clear_answer(const of3_http_request *r) {
  if (r->opt_text) of3_str_clear(r->opt_text);
  if (!r->opt_file) return;
  rewind(r->opt_file);
  if (ftruncate(fileno(r->opt_file), 0) != 0) clearerr(r->opt_file); /* the archive's sum will tell */
}

of3_status of3_server_ask(of3_colabfold *c, const of3_http_request *r, const char *what, of3_http_answer *out,
                          of3_error *err) {
  double pause = c->s.pause_s;
  for (int k = 1;; k++) {
    clear_answer(r);
    OF3_TRY(of3_http_ask(c->http, r, out, err));
    if (out->status > 0 && out->status < 500) return OF3_OK;
    if (out->status) snprintf(out->why, sizeof out->why, "it answers HTTP %d", out->status);
    if (k == SERVER_FAILURES) break;
    of3_logf(c->s.opt_log, k == 1 ? OF3_LOG_INFO : OF3_LOG_DEBUG,
             "MSA server %s: %s: %s; asked again in about %.0f s", c->url, what, out->why, pause);
    OF3_TRY(of3_server_pause(c, pause, err));
    pause = grow(pause);
  }
  return of3_fail(err, OF3_ERR_IO,
                  "the MSA server %s cannot be asked (%s); name alignments in the query, name another server "
                  "with --server-url, or fold without alignments with --use-msa-server false",
                  c->url, out->why);
}

static of3_status refused(const of3_colabfold *c, const char *what, int http, of3_error *err) {
  return of3_fail(
      err, OF3_ERR_IO,
      "the MSA server %s answers HTTP %d to %s; look whether this is the address of a server with "
      "ColabFold's interface",
      c->url, http, what);
}

/* A question whose answer is a state. What is no JSON is asked again, as what is no answer. */
static of3_status ask_state(of3_colabfold *c, const of3_http_request *request, const char *what,
                            server_state *out, of3_error *err) {
  double pause = c->s.pause_s;
  for (int k = 1;; k++) {
    of3_str text = {0};
    of3_http_answer answer;
    of3_http_request r = *request;
    r.opt_text = &text;
    r.most = MOST_TEXT;
    *out = (server_state){0};
    of3_status status = of3_server_ask(c, &r, what, &answer, err);
    if (status == OF3_OK && answer.status == 200) of3_answer_state(text.text, text.len, out);
    of3_str_free(&text);
    OF3_TRY(status);
    if (answer.status == 429) of3_answer_set_status(out, "RATELIMIT");
    if (answer.status == 404 && !request->opt_body) of3_answer_set_status(out, "UNKNOWN");
    out->retry_after_s = answer.retry_after_s < 3600 ? answer.retry_after_s : 3600;
    if (out->status[0]) return OF3_OK;
    if (answer.status != 200) return refused(c, what, answer.status, err);
    if (k == SERVER_FAILURES)
      return of3_fail(
          err, OF3_ERR_IO,
          "the MSA server %s answers %s with something else than JSON; name alignments in the query, "
          "or try again later",
          c->url, what);
    OF3_TRY(of3_server_pause(c, pause, err));
    pause = grow(pause);
  }
}

/* ---- Submitting */

static of3_status make_form(const server_job *job, of3_str *form, of3_error *err) {
  of3_str q = {0};
  for (int k = 0; k < job->n; k++) of3_str_addf(&q, ">%d\n%s\n", SERVER_FIRST + k, job->sequence[k]);
  if (!q.failed) of3_http_form_add(form, "q", q.text);
  of3_http_form_add(form, "mode", job->mode);
  const bool failed = q.failed || form->failed;
  of3_str_free(&q);
  return failed ? of3_fail_memory(err, "a question") : OF3_OK;
}

/* Whose it is, for messages. */
static const char *subject_of(const server_job *job, char out[64]) {
  if (job->n == 1)
    snprintf(out, 64, "the sequence '%.20s%s'", job->sequence[0], strlen(job->sequence[0]) > 20 ? ".." : "");
  else
    snprintf(out, 64, strcmp(job->endpoint, "pair") ? "%d sequences" : "the complex of %d sequences", job->n);
  return out;
}

static of3_status search_failed(const of3_colabfold *c, const server_job *job, of3_error *err) {
  char subject[64];
  return of3_fail(
      err, OF3_ERR_INPUT,
      "the MSA server %s cannot search with %s (it answers ERROR, as for sequences of low complexity); "
      "name an alignment in the query, or fold it without: \"main_msa_file_paths\": []",
      c->url, subject_of(job, subject));
}

static of3_status rate_limited(const of3_colabfold *c, of3_error *err) {
  return of3_fail(
      err, OF3_ERR_IO,
      "the MSA server %s limits how often it is asked, and still did after %d questions; try again "
      "later, name alignments in the query, or name a server of your own with --server-url",
      c->url, SERVER_LIMITED);
}

static of3_status under_maintenance(const of3_colabfold *c, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO,
                  "the MSA server %s is being maintained; try again later, name alignments in the query, or "
                  "another server with --server-url",
                  c->url);
}

static bool is(const server_state *s, const char *status) { return strcmp(s->status, status) == 0; }

/* The pause that the server asks for, if it is longer. */
static double pause_for(double pause, const server_state *s) {
  return s->retry_after_s > pause ? s->retry_after_s : pause;
}

static of3_status submit_form(of3_colabfold *c, server_job *job, const of3_str *form, server_state *out,
                              of3_error *err) {
  char url[1024], subject[64];
  double pause = c->s.pause_s;
  snprintf(url, sizeof url, "%s/ticket/%s", c->url, job->endpoint);
  for (int k = 1;; k++) {
    const of3_http_request r = {.url = url,
                                .opt_body = form->text,
                                .body_size = form->len,
                                .type = "application/x-www-form-urlencoded"};
    OF3_TRY(ask_state(c, &r, "a request for alignments", out, err));
    if (is(out, "ERROR")) return search_failed(c, job, err);
    if (is(out, "MAINTENANCE")) return under_maintenance(c, err);
    const bool limited = is(out, "RATELIMIT");
    if (!limited && !is(out, "UNKNOWN") && out->ticket[0]) break;
    if (k == SERVER_LIMITED) return rate_limited(c, err);
    of3_logf(c->s.opt_log, OF3_LOG_INFO, "MSA server %s: %s: %s; submitted again in about %.0f s", c->url,
             subject_of(job, subject), limited ? "it limits how often it is asked" : out->status,
             pause_for(pause, out));
    OF3_TRY(of3_server_pause(c, pause_for(pause, out), err));
    pause = grow(pause);
  }
  memcpy(job->ticket, out->ticket, sizeof job->ticket);
  of3_ticket_keep(c, job);
  return OF3_OK;
}

static of3_status submit(of3_colabfold *c, server_job *job, server_state *out, of3_error *err) {
  of3_str form = {0};
  char subject[64];
  of3_logf(c->s.opt_log, OF3_LOG_INFO, "MSA server %s: asked for %s alignments of %s", c->url,
           strcmp(job->endpoint, "pair") ? "the" : "paired", subject_of(job, subject));
  of3_status status = make_form(job, &form, err);
  if (status == OF3_OK) status = submit_form(c, job, &form, out, err);
  of3_str_free(&form);
  return status;
}

/* ---- Waiting */

static bool is_waiting(const server_state *s) {
  return is(s, "UNKNOWN") || is(s, "RUNNING") || is(s, "PENDING");
}

static void tell_wait(of3_colabfold *c, const server_job *job, const server_state *s, double begin,
                      double pause) {
  char subject[64];
  of3_logf(c->s.opt_log, OF3_LOG_INFO,
           "MSA server %s: %s, ticket %.12s: %s for %.0f s; asked again in about %.0f s", c->url,
           subject_of(job, subject), job->ticket, s->status, of3_seconds() - begin, pause);
}

/* *s is what the submission said, or empty. Afterwards the state that ended the waiting. */
static of3_status wait_for(of3_colabfold *c, const server_job *job, server_state *s, of3_error *err) {
  char url[1024 + SERVER_TICKET], told[sizeof s->status] = "";
  const double begin = of3_seconds();
  double pause = c->s.pause_s, last = 0;
  int unknown = 0;
  snprintf(url, sizeof url, "%s/ticket/%s", c->url, job->ticket);
  while (!s->status[0] || is_waiting(s)) {
    unknown = is(s, "UNKNOWN") ? unknown + 1 : 0;
    if (unknown == LOST) return OF3_OK;
    if (s->status[0]) {
      if (strcmp(told, s->status) != 0 || of3_seconds() - last > TELL_S) {
        tell_wait(c, job, s, begin, pause);
        memcpy(told, s->status, sizeof told);
        last = of3_seconds();
      }
      OF3_TRY(of3_server_pause(c, pause_for(pause, s), err));
      pause = grow(pause);
    }
    const of3_http_request r = {.url = url};
    OF3_TRY(ask_state(c, &r, "the question how far a search is", s, err));
    if (is(s, "RATELIMIT")) of3_answer_set_status(s, "PENDING"); /* it is still ours */
  }
  return OF3_OK;
}

/* ---- Downloading */

static of3_status fetch_archive(of3_colabfold *c, const char *url, const char *what, const char *path,
                                of3_error *err) {
  of3_out out = {0};
  of3_http_answer answer;
  OF3_TRY(of3_out_open(&out, path, err));
  const of3_http_request r = {.url = url, .opt_file = out.f, .most = most_archive};
  of3_status status = of3_server_ask(c, &r, what, &answer, err);
  if (status == OF3_OK && answer.status != 200) status = refused(c, what, answer.status, err);
  if (status == OF3_OK) return of3_out_commit(&out, err);
  of3_out_abort(&out);
  return status;
}

of3_status of3_server_archive(of3_colabfold *c, const char *url, const char *what, const char *folder,
                              of3_error *err) {
  const of3_tar_limits limits = {.members = 4096, .all_bytes = most_unpacked};
  char path[1200];
  double pause = c->s.pause_s;
  snprintf(path, sizeof path, "%.1100s/out.tar.gz", folder);
  for (int k = 1;; k++) {
    OF3_TRY(fetch_archive(c, url, what, path, err));
    const of3_status status = of3_tar_unpack(path, folder, &limits, c->s.opt_cancel, err);
    if (status == OF3_OK || status == OF3_ERR_CANCELLED || status == OF3_ERR_MEMORY) return status;
    unlink(path);
    err->code = OF3_ERR_IO; /* the server's fault, not the request's */
    if (k == SERVER_DOWNLOADS)
      return of3_prefix(err, "the MSA server %s sent a wrong archive %d times", c->url, k);
    of3_logf(c->s.opt_log, OF3_LOG_INFO, "MSA server %s: its archive is wrong (%s); asked for again", c->url,
             err->text);
    OF3_TRY(of3_server_pause(c, pause, err));
    pause = grow(pause);
  }
}

/* ---- All of it */

of3_status of3_server_get(of3_colabfold *c, server_job *job, of3_error *err) {
  char url[1024 + SERVER_TICKET];
  for (int k = 0; k < SERVER_ROUNDS; k++) {
    server_state s = {0};
    if (!job->ticket[0]) OF3_TRY(submit(c, job, &s, err));
    OF3_TRY(wait_for(c, job, &s, err));
    if (is(&s, "ERROR")) {
      of3_ticket_forget(c, job);
      return search_failed(c, job, err);
    }
    if (is(&s, "COMPLETE")) {
      snprintf(url, sizeof url, "%s/result/download/%s", c->url, job->ticket);
      return of3_server_archive(c, url, "the question for its alignments", job->folder, err);
    }
    of3_logf(c->s.opt_log, OF3_LOG_WARN,
             "MSA server %s: it no longer knows the ticket %.12s (%s); submitted again", c->url, job->ticket,
             s.status);
    of3_ticket_forget(c, job);
    job->ticket[0] = 0;
  }
  return of3_fail(err, OF3_ERR_IO, "the MSA server %s forgot the same request %d times; try again later",
                  c->url, SERVER_ROUNDS);
}
