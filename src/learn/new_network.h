/* The weights that a training begins with, as a table of tensors. */
#ifndef OF3_LEARN_NEW_NETWORK_H
#define OF3_LEARN_NEW_NETWORK_H

#include "model/network.h"

/* Those of a new network (train/initialise.h). device: that a network can be planned on. In the arena. */
OF3_MUST_CHECK of3_status of3_new_weights(const of3_device *device, of3_variant variant,
                                          const of3_config *config, uint64_t seed, of3_arena *arena,
                                          of3_table *out, of3_error *err);

/* Puts the tensors of `from` in the place of those of the same name and shape; the others stay as they are.
 * Returns how many stay. The tensors of `from` stay where they are. */
int of3_overlay_weights(of3_table *weights, const of3_table *from);

#endif
