#include "commands.h"

cli_server cli_server_defaults(void) { return (cli_server){.poll_s = -1}; }

of3_msa_server cli_msa_server(const cli_server *s) {
  return (of3_msa_server){.url = s->url ? s->url : of3_msa_server_default(),
                          .user_agent = s->user_agent,
                          .chains_url = s->chains_url,
                          .poll_s = s->poll_s < 0 ? 0 : s->poll_s};
}
