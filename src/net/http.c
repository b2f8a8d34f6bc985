#define _DEFAULT_SOURCE
#include "net/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/curl.h"

struct of3_http {
  const curl_functions *curl;
  void *handle;
  of3_cancel *opt_cancel;
};

/* The answer of one question. */
typedef struct sink {
  const of3_http_request *request;
  uint64_t n;
  bool too_large, full, cancelled;
  of3_cancel *opt_cancel;
} sink;

static size_t take_bytes(char *bytes, size_t size, size_t count, void *user) {
  sink *s = user;
  const size_t n = size * count;
  s->n += n;
  s->too_large = s->n > s->request->most;
  if (s->too_large) return 0;
  if (s->request->opt_file)
    s->full = fwrite(bytes, 1, n, s->request->opt_file) != n;
  else {
    of3_str_addn(s->request->opt_text, bytes, n);
    s->full = s->request->opt_text->failed;
  }
  return s->full ? 0 : n;
}

/* Called about once a second, whether something comes or not. */
static int look_around(void *user, int64_t down_all, int64_t down, int64_t up_all, int64_t up) {
  sink *s = user;
  (void)down_all, (void)down, (void)up_all, (void)up;
  s->cancelled = of3_cancelled(s->opt_cancel);
  return s->cancelled;
}

of3_status of3_http_open(const of3_http_options *o, of3_http **ret_http, of3_error *err) {
  const curl_functions *curl;
  const char *certificates = getenv("SSL_CERT_FILE");
  *ret_http = NULL;
  OF3_TRY(of3_curl_open(&curl, err));
  of3_http *h = calloc(1, sizeof *h);
  if (h) h->handle = curl->easy_init();
  if (!h || !h->handle) {
    free(h);
    return of3_fail_memory(err, "a connection");
  }
  h->curl = curl;
  h->opt_cancel = o->opt_cancel;
  curl->easy_setopt(h->handle, CURL_NO_SIGNAL, 1L);
  curl->easy_setopt(h->handle, CURL_USER_AGENT, o->user_agent);
  curl->easy_setopt(h->handle, CURL_CONNECT_TIMEOUT_MS, (long)(o->connect_s * 1e3));
  curl->easy_setopt(h->handle, CURL_LOW_SPEED_LIMIT, 1L);
  curl->easy_setopt(h->handle, CURL_LOW_SPEED_TIME, (long)(o->silent_s + 0.999));
  curl->easy_setopt(h->handle, CURL_PROTOCOLS, (long)CURL_HTTP_AND_HTTPS);
  curl->easy_setopt(h->handle, CURL_REDIRECTION_PROTOCOLS, (long)CURL_HTTP_AND_HTTPS);
  curl->easy_setopt(h->handle, CURL_FOLLOW_LOCATION, 1L);
  curl->easy_setopt(h->handle, CURL_MAX_REDIRECTIONS, 5L);
  curl->easy_setopt(h->handle, CURL_POST_REDIRECTIONS, 7L); /* a POST stays one */
  curl->easy_setopt(h->handle, CURL_NO_PROGRESS, 0L);
  curl->easy_setopt(h->handle, CURL_PROGRESS_FUNCTION, look_around);
  curl->easy_setopt(h->handle, CURL_WRITE_FUNCTION, take_bytes);
  if (certificates && *certificates) curl->easy_setopt(h->handle, CURL_CA_INFO, certificates);
  *ret_http = h;
  return OF3_OK;
}

void of3_http_close(of3_http *h) {
  if (!h) return;
  h->curl->easy_cleanup(h->handle);
  free(h);
}

void of3_http_cancel(of3_http *h, of3_cancel *opt_cancel) { h->opt_cancel = opt_cancel; }

static void set_request(of3_http *h, const of3_http_request *r, void *headers, sink *s, char *why) {
  const curl_functions *curl = h->curl;
  curl->easy_setopt(h->handle, CURL_URL, r->url);
  curl->easy_setopt(h->handle, CURL_ERROR_BUFFER, why);
  curl->easy_setopt(h->handle, CURL_WRITE_DATA, s);
  curl->easy_setopt(h->handle, CURL_PROGRESS_DATA, s);
  curl->easy_setopt(h->handle, CURL_HTTP_HEADER, headers);
  if (!r->opt_body) {
    curl->easy_setopt(h->handle, CURL_HTTP_GET, 1L);
    return;
  }
  curl->easy_setopt(h->handle, CURL_POST, 1L);
  curl->easy_setopt(h->handle, CURL_POST_FIELD_SIZE, (int64_t)r->body_size);
  curl->easy_setopt(h->handle, CURL_POST_FIELDS, r->opt_body);
}

/* Why no whole answer came. */
static void explain(const of3_http *h, int code, const sink *s, const char *why, of3_http_answer *out) {
  if (s->too_large)
    snprintf(out->why, sizeof out->why, "its answer has more than %.0f MB", (double)s->request->most * 1e-6);
  else if (s->full)
    snprintf(out->why, sizeof out->why, "its answer cannot be kept: %s",
             s->request->opt_file ? strerror(errno) : "out of memory");
  else
    snprintf(out->why, sizeof out->why, "%.200s", why[0] ? why : h->curl->easy_strerror(code));
}

of3_status of3_http_ask(of3_http *h, const of3_http_request *r, of3_http_answer *out, of3_error *err) {
  char why[CURL_ERROR_TEXT] = "";
  char type[128];
  sink s = {.request = r, .opt_cancel = h->opt_cancel};
  void *headers = NULL;
  long status = 0;
  int64_t after = 0;
  *out = (of3_http_answer){0};
  OF3_TRY(of3_go_on(h->opt_cancel, err));
  if (r->opt_body) { /* the second header: curl would wait for the server's consent to a long body */
    snprintf(type, sizeof type, "Content-Type: %s", r->type);
    headers = h->curl->slist_append(h->curl->slist_append(NULL, type), "Expect:");
    if (!headers) return of3_fail_memory(err, "a question");
  }
  set_request(h, r, headers, &s, why);
  const int code = h->curl->easy_perform(h->handle);
  h->curl->slist_free_all(headers);
  if (s.cancelled) return of3_go_on(h->opt_cancel, err);
  if (code != 0) {
    explain(h, code, &s, why, out);
    return OF3_OK;
  }
  h->curl->easy_getinfo(h->handle, CURL_STATUS, &status);
  if (h->curl->easy_getinfo(h->handle, CURL_RETRY_AFTER, &after) == 0 && after > 0)
    out->retry_after_s = (double)after;
  out->status = (int)status;
  return OF3_OK;
}

void of3_http_form_add(of3_str *form, const char *name, const char *value) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  of3_str_addf(form, "%s%s=", form->len ? "&" : "", name);
  for (const char *p = value; *p; p++)
    if (strchr(plain, *p))
      of3_str_addn(form, p, 1);
    else if (*p == ' ')
      of3_str_addn(form, "+", 1);
    else
      of3_str_addf(form, "%%%02X", (unsigned)(unsigned char)*p);
}
