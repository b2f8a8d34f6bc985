/* The table of parameters: which numbers of the bound weights belong to which tensor of a checkpoint.
 *
 * The network does not keep every tensor as the checkpoint has it. Linears over one-hot classes are kept
 * transposed, as tables of rows; five linears of one column lie side by side in one matrix; one linear of the
 * MSA is cut in two:
 *
 *   checkpoint                            bound weights
 *   linear_relpos.weight  [c_z,139]  ->   relpos [139,c_z]                 transposed
 *   x_linear.weight       [c_t,1]    ->   column 2 of geometry [c_t,5]
 *   linear_m.weight       [c_m,34]   ->   columns 0..31: restype [32,c_m]  transposed
 *                                         columns 32, 33: deletions [c_m,2]
 *
 * A parameter names its tensor and lists these parts. Reading a checkpoint goes through them in one direction
 * (scatter), writing one in the other (gather); training keeps master values, gradients and moments under the
 * same names. Folding does not look at the table. */
#ifndef OF3_MODEL_PARAMETERS_H
#define OF3_MODEL_PARAMETERS_H

#include "io/safetensors.h"
#include "tensor/tensor.h"

/* Columns first .. first+n-1 of a parameter [rows,columns]. Transposed they are rows at .. at+n-1 of `in`
 * [..,rows], else columns at .. at+n-1 of `in` [rows,width]. */
typedef struct of3_parameter_part {
  of3_tensor *in;
  int64_t first, n, at, width;
  bool transposed;
} of3_parameter_part;

enum { OF3_MAX_PARAMETER_PARTS = 2 };

typedef struct of3_parameter {
  const char *name; /* as in the checkpoint, without prefix */
  of3_dtype stored; /* type there; OF3_F32 if the weights were made up */
  bool constant; /* never trained, and f32 in every file: the version, the Fourier constants of AF3 SI Alg. 22
                  */
  int rank;      /* 1 or 2 */
  int64_t shape[2]; /* a vector has shape[1] = 0 */
  int n_part;
  of3_parameter_part part[OF3_MAX_PARAMETER_PARTS];
} of3_parameter;

typedef struct of3_parameters {
  int n, capacity;
  of3_parameter *p; /* sorted by name once the network is bound */
} of3_parameters;

int64_t of3_parameter_count(const of3_parameter *p); /* numbers in it */

void of3_parameters_sort(of3_parameters *all); /* by name: the binder, when it is done */

/* NULL if there is none. */
const of3_parameter *of3_parameter_find(const of3_parameters *all, const char *name);

/* Puts the part's share of the values [rows,columns] into the host image of part->in. */
void of3_parameter_scatter(const of3_parameter_part *part, int64_t rows, int64_t columns, const float *values,
                           float *to);

/* Floats that hold any parameter, and any tensor that a part of one lies in. */
int64_t of3_parameter_scratch(const of3_parameters *all);

/* The values of p [count] from the bound weights; scratch [of3_parameter_scratch]. Exact where the backend
 * keeps weights exactly: with f32 operands. Errors are those of cx. */
void of3_parameter_gather(of3_ctx *cx, const of3_parameter *p, float *scratch, float *values);

/* Called before each tensor is written; an error ends the writing. */
typedef of3_status of3_parameter_visit(void *user, const of3_parameter *p, of3_error *err);

/* Writes all parameters to a safetensors file, or to a torch zip if its name ends in .pt, one at a time, as
 * dtype (OF3_F32, or OF3_BF16 rounded to nearest even); constants as f32. meta, opt_size: as in
 * of3_safetensors_stream. */
OF3_MUST_CHECK of3_status of3_parameters_write(of3_ctx *cx, const of3_parameters *all, of3_dtype dtype,
                                               const char *path, const char *const *meta, int n_meta,
                                               of3_parameter_visit *opt_visit, void *user, uint64_t *opt_size,
                                               of3_error *err);

#endif
