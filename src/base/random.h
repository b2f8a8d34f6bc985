/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC'11). The numbers depend on the key alone,
 * never on the order of calls or the number of threads. */
#ifndef OF3_BASE_RANDOM_H
#define OF3_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. The values enter the counter: never renumber. */
typedef enum of3_purpose {
  OF3_RANDOM_CONFORMER = 1,   /* choice of a stored conformer */
  OF3_RANDOM_AUGMENT_REF = 2, /* rotation and shift of reference conformers */
  OF3_RANDOM_MSA_ROWS = 3,    /* rows of one trunk cycle */
  OF3_RANDOM_NOISE_INIT = 4,  /* sampler, AF3 SI Alg. 18: the first coordinates */
  OF3_RANDOM_NOISE_POSE = 5,  /* of a step, Alg. 19: quaternion w,x,y,z, then the shift x,y,z */
  OF3_RANDOM_NOISE_STEP = 7,  /* added in a step */
  OF3_RANDOM_TEST = 8,
  OF3_RANDOM_POCKET =
      9, /* candidates for a pocket: quaternion, shift, shape, coin, atom; step 1: shift of a ligand */
  OF3_RANDOM_INITIAL = 10,    /* parameters of a new network; sample and step: hash of a name */
  OF3_RANDOM_DROPOUT = 11,    /* masks of a step of training; sample: hash of a name */
  OF3_RANDOM_COPY_LEVEL = 12, /* noised copies of the truth, sample: copy: the noise level */
  OF3_RANDOM_COPY_POSE = 13,  /* quaternion, then the shift */
  OF3_RANDOM_COPY_NOISE = 14, /* of each atom */
  OF3_RANDOM_CONDITION = 15,  /* word 0: whether copies see the trunk; word 1: whether confidence heads do */
  OF3_RANDOM_POINT = 20,      /* what a sample of a training step is about; sample: its slot */
  OF3_RANDOM_CROP = 21,       /* which tokens it shows */
  OF3_RANDOM_CHAINS = 22,     /* which chains of a large assembly are looked at */
  OF3_RANDOM_SET = 23,        /* which set it is from; the draws that take the place of it; its own seed */
  OF3_RANDOM_MAIN_ROWS = 24,  /* which rows of the main block of a chain (msa/draw.h) */
  OF3_RANDOM_TEMPLATES = 25,  /* which templates of a chain */
  OF3_RANDOM_RECYCLES = 30    /* how many a step has */
} of3_purpose;

typedef struct of3_stream {
  uint64_t seed;
  of3_purpose purpose;
  uint32_t sample, step;
} of3_stream;

/* A number for a name, to tell streams apart: FNV-1a. */
uint64_t of3_random_name(const char *name);

/* The four words of block `block` of a stream. */
void of3_random_block(of3_stream s, uint32_t block, uint32_t out[4]);

/* n standard normals (Box-Muller on 24-bit uniforms), n < 2^33. */
void of3_random_normal(of3_stream s, float *out, size_t n);
/* Numbers first .. first + n - 1 of these; first is a multiple of 4, which a block of a stream gives. */
void of3_random_normal_from(of3_stream s, size_t first, float *out, size_t n);

/* Word number i of a stream, reduced to 0 .. below-1 without bias worth naming (64-bit multiply-shift); below
 * > 0. */
uint32_t of3_random_below(of3_stream s, uint32_t i, uint32_t below);

/* Rotation matrix (row-major) of a quaternion w,x,y,z of any length but zero. */
void of3_rotation_of(const float q[4], float out[9]);

#endif
