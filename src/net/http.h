/* Questions to a server over HTTP and HTTPS, through libcurl. Certificates are checked; SSL_CERT_FILE names
 * others than the system's. Proxies are those of http_proxy, https_proxy, all_proxy and no_proxy. */
#ifndef OF3_NET_HTTP_H
#define OF3_NET_HTTP_H

#include <stdio.h>

#include "base/cancel.h"
#include "base/str.h"

typedef struct of3_http of3_http; /* for one thread at a time; connections are kept and used again */

typedef struct of3_http_options {
  const char *user_agent;
  double connect_s; /* until there is a connection, at most */
  double silent_s;  /* while nothing comes, at most */
  of3_cancel *opt_cancel;
} of3_http_options;

OF3_MUST_CHECK of3_status of3_http_open(const of3_http_options *options, of3_http **ret_http, of3_error *err);
void of3_http_close(of3_http *opt_http);
void of3_http_cancel(of3_http *http, of3_cancel *opt_cancel); /* in the place of the option's */

typedef struct of3_http_request {
  const char *url;
  const char *opt_body; /* [body_size] sent by POST; NULL: GET */
  size_t body_size;
  const char *type;  /* of the body: "application/json" */
  of3_str *opt_text; /* where the answer goes, or */
  FILE *opt_file;
  uint64_t most; /* bytes of the answer */
} of3_http_request;

typedef struct of3_http_answer {
  int status;           /* 200, 404, ...; 0: no whole answer came */
  char why[256];        /* then why: "Could not resolve host: x" */
  double retry_after_s; /* that the server asks for; 0: it does not */
} of3_http_answer;

/* That no answer comes is no error here: the answer says why. Errors: interruption, memory. */
OF3_MUST_CHECK of3_status of3_http_ask(of3_http *http, const of3_http_request *request,
                                       of3_http_answer *ret_answer, of3_error *err);

/* Appends NAME=VALUE as forms are sent (application/x-www-form-urlencoded), behind a '&' if form has text. */
void of3_http_form_add(of3_str *form, const char *name, const char *value);

#endif
