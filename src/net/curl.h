/* What of3 uses of libcurl. The library is opened when a server is asked for the first time: programs start
 * without it, and machines without it do all the rest. Its functions, and the numbers of its options, are
 * declared here, so that building takes no package either; they are part of libcurl's binary interface, which
 * has been the same since version 7.16 (2006). Where <curl/curl.h> is there, curl.c is compared with it. */
#ifndef OF3_NET_CURL_H
#define OF3_NET_CURL_H

#include "base/status.h"

typedef enum curl_option {
  CURL_WRITE_DATA = 10001,
  CURL_URL = 10002,
  CURL_ERROR_BUFFER = 10010,
  CURL_POST_FIELDS = 10015,
  CURL_PROGRESS_DATA = 10057,
  CURL_USER_AGENT = 10018,
  CURL_LOW_SPEED_LIMIT = 19,
  CURL_LOW_SPEED_TIME = 20,
  CURL_HTTP_HEADER = 10023,
  CURL_NO_PROGRESS = 43,
  CURL_POST = 47,
  CURL_FOLLOW_LOCATION = 52,
  CURL_CA_INFO = 10065,
  CURL_MAX_REDIRECTIONS = 68,
  CURL_HTTP_GET = 80,
  CURL_NO_SIGNAL = 99,
  CURL_POST_FIELD_SIZE = 30120,
  CURL_CONNECT_TIMEOUT_MS = 156,
  CURL_POST_REDIRECTIONS = 161,
  CURL_PROTOCOLS = 181,
  CURL_REDIRECTION_PROTOCOLS = 182,
  CURL_WRITE_FUNCTION = 20011,
  CURL_PROGRESS_FUNCTION = 20219
} curl_option;

typedef enum curl_info { CURL_STATUS = 0x200002, CURL_RETRY_AFTER = 0x600039 } curl_info;

enum { CURL_HTTP_AND_HTTPS = 3, CURL_ERROR_TEXT = 256, CURL_GLOBAL_EVERYTHING = 3 };

typedef struct curl_functions {
  int (*global_init)(long flags);
  void *(*easy_init)(void);
  int (*easy_setopt)(void *handle, int option, ...);
  int (*easy_perform)(void *handle);
  int (*easy_getinfo)(void *handle, int info, ...);
  void (*easy_cleanup)(void *handle);
  const char *(*easy_strerror)(int code);
  void *(*slist_append)(void *list, const char *text);
  void (*slist_free_all)(void *list);
} curl_functions;

/* Opens the library the first time; it stays open. An error says what to install. */
OF3_MUST_CHECK of3_status of3_curl_open(const curl_functions **ret_curl, of3_error *err);

#endif
