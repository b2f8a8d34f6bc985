/* Checkpoints: the published layouts of preview 1, preview 2 and OpenBind (docs/model.md 15), as torch
 * zip+pickle files, DeepSpeed folders or safetensors. Nothing in a file is ever executed. */
#ifndef OF3_IO_CHECKPOINT_H
#define OF3_IO_CHECKPOINT_H

#include "io/safetensors.h"

typedef enum of3_file_format {
  OF3_FORMAT_SAFETENSORS,
  OF3_FORMAT_TORCH,
  OF3_FORMAT_DEEPSPEED
} of3_file_format;

typedef struct of3_checkpoint {
  of3_file_format format;
  const char *layout; /* where the weights were found: "flat", "ema.params", "state_dict", "module" */
  of3_table
      weights;   /* prefix `model.` or `module.` removed, second denoiser (`sample_diffusion.`) left out */
  int n_skipped; /* tensors of the second denoiser */
  uint64_t skipped_bytes;
  uint64_t file_bytes;
} of3_checkpoint;

/* Opens by content, not by name. path may be a DeepSpeed folder. The data stay in the file (mapped): only
 * headers are read. A tensor that is not dense row-major there, or not aligned, is copied. Inside the table
 * of weights anything but a tensor is an error that names the tensor and, where a foreign Python global made
 * it, that global; outside the table it is ignored. What reading takes beside the mapped file, the table and
 * copies included, is at most most_memory bytes, or the checkpoint is refused. */
OF3_MUST_CHECK of3_status of3_checkpoint_open(const char *path, size_t most_memory, of3_checkpoint *out,
                                              of3_error *err);
void of3_checkpoint_close(of3_checkpoint *c); /* {0} is allowed */

/* The same from memory, which must outlive the checkpoint; sentences of errors do not name a file. */
OF3_MUST_CHECK of3_status of3_checkpoint_parse(const uint8_t *bytes, size_t size, size_t most_memory,
                                               of3_checkpoint *out, of3_error *err);

/* The file that holds the weights: path itself, or the model states that the file `latest` of a DeepSpeed
 * folder leads to. The text belongs to the arena. */
OF3_MUST_CHECK of3_status of3_checkpoint_locate(const char *path, of3_arena *arena, const char **ret_file,
                                                of3_error *err);

/* Whether a file of this name is to be written as a torch zip: it ends in .pt. */
bool of3_is_torch_name(const char *path);
/* Writes tensors of f32 or bf16 as torch.save does, a dictionary by name (the layout "flat", that of the
 * published files); put as for of3_safetensors_stream. Errors: more than 4 GiB. */
OF3_MUST_CHECK of3_status of3_torch_stream(const char *path, const of3_entry *entry, int n,
                                           of3_put_tensor *put, void *user, uint64_t *opt_size,
                                           of3_error *err);

#endif
