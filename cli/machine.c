#include "machine.h"

cli_machine cli_machine_of(const of3_engine_options *e) {
  return (cli_machine){.backend = e->backend,
                       .isa = e->isa,
                       .dtype = e->dtype,
                       .device = e->device,
                       .threads = e->threads,
                       .max_memory = e->max_memory};
}

cli_machine cli_machine_defaults(void) {
  const of3_engine_options e = of3_engine_defaults();
  return cli_machine_of(&e);
}

of3_engine_options cli_engine_options(const cli_machine *m) {
  of3_engine_options e = of3_engine_defaults();
  e.backend = m->backend;
  e.isa = m->isa;
  e.dtype = m->dtype;
  e.device = m->device;
  e.threads = m->threads;
  e.max_memory = m->max_memory;
  return e;
}
