#define _DEFAULT_SOURCE
#include "net/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#if defined(__has_include) && !defined(__cppcheck__)
#if __has_include(<curl/curl.h>)
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), "an option of libcurl")
SAME(CURL_WRITE_DATA, CURLOPT_WRITEDATA);
SAME(CURL_URL, CURLOPT_URL);
SAME(CURL_ERROR_BUFFER, CURLOPT_ERRORBUFFER);
SAME(CURL_POST_FIELDS, CURLOPT_POSTFIELDS);
SAME(CURL_USER_AGENT, CURLOPT_USERAGENT);
SAME(CURL_LOW_SPEED_LIMIT, CURLOPT_LOW_SPEED_LIMIT);
SAME(CURL_LOW_SPEED_TIME, CURLOPT_LOW_SPEED_TIME);
SAME(CURL_HTTP_HEADER, CURLOPT_HTTPHEADER);
SAME(CURL_NO_PROGRESS, CURLOPT_NOPROGRESS);
SAME(CURL_POST, CURLOPT_POST);
SAME(CURL_FOLLOW_LOCATION, CURLOPT_FOLLOWLOCATION);
SAME(CURL_CA_INFO, CURLOPT_CAINFO);
SAME(CURL_MAX_REDIRECTIONS, CURLOPT_MAXREDIRS);
SAME(CURL_HTTP_GET, CURLOPT_HTTPGET);
SAME(CURL_NO_SIGNAL, CURLOPT_NOSIGNAL);
SAME(CURL_POST_FIELD_SIZE, CURLOPT_POSTFIELDSIZE_LARGE);
SAME(CURL_CONNECT_TIMEOUT_MS, CURLOPT_CONNECTTIMEOUT_MS);
SAME(CURL_POST_REDIRECTIONS, CURLOPT_POSTREDIR);
SAME(CURL_PROTOCOLS, CURLOPT_PROTOCOLS);
SAME(CURL_REDIRECTION_PROTOCOLS, CURLOPT_REDIR_PROTOCOLS);
SAME(CURL_WRITE_FUNCTION, CURLOPT_WRITEFUNCTION);
SAME(CURL_PROGRESS_DATA, CURLOPT_XFERINFODATA);
SAME(CURL_PROGRESS_FUNCTION, CURLOPT_XFERINFOFUNCTION);
SAME(CURL_STATUS, CURLINFO_RESPONSE_CODE);
SAME(CURL_RETRY_AFTER, CURLINFO_RETRY_AFTER);
SAME(CURL_HTTP_AND_HTTPS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
SAME(CURL_ERROR_TEXT, CURL_ERROR_SIZE);
SAME(CURL_GLOBAL_EVERYTHING, CURL_GLOBAL_ALL);
#endif
#endif

#ifdef __APPLE__
static const char *const library_names[] = {"/usr/lib/libcurl.4.dylib", "libcurl.4.dylib", "libcurl.dylib"};
#else
static const char *const library_names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
#endif

static curl_functions functions;
static bool opened;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

/* ISO C has no conversion of an object's address to a function's. */
static bool find(void *library, const char *name, void *out) {
  void *symbol = dlsym(library, name);
  memcpy(out, &symbol, sizeof symbol);
  return symbol != NULL;
}

static bool open_library(void) {
  void *library = NULL;
  for (size_t i = 0; !library && i < sizeof library_names / sizeof *library_names; i++)
    library = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
  curl_functions *f = &functions;
  return library && find(library, "curl_global_init", &f->global_init) &&
         find(library, "curl_easy_init", &f->easy_init) &&
         find(library, "curl_easy_setopt", &f->easy_setopt) &&
         find(library, "curl_easy_perform", &f->easy_perform) &&
         find(library, "curl_easy_getinfo", &f->easy_getinfo) &&
         find(library, "curl_easy_cleanup", &f->easy_cleanup) &&
         find(library, "curl_easy_strerror", &f->easy_strerror) &&
         find(library, "curl_slist_append", &f->slist_append) &&
         find(library, "curl_slist_free_all", &f->slist_free_all) &&
         f->global_init(CURL_GLOBAL_EVERYTHING) == 0;
}

of3_status of3_curl_open(const curl_functions **ret_curl, of3_error *err) {
  pthread_mutex_lock(&opening);
  opened = opened || open_library();
  pthread_mutex_unlock(&opening);
  *ret_curl = &functions;
  if (opened) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "servers are asked through libcurl, which this machine does not have; install it (Debian: "
                  "libcurl4), or name alignments in the query");
}
