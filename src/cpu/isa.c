#define _GNU_SOURCE
#include "cpu/isa.h"

static bool never(void) { return false; }
static bool always(void) { return true; }

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("fma");
}
static bool has_avx512bf16(void) { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

/* The kernel hands out the tiles' 8 KB of state on request only, for the process and threads started later.
 */
static bool may_use_tiles(void) {
#if defined(__linux__)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}

static bool has_amx(void) {
  enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 };
  unsigned a, b, c, d = 0;
  if (!has_avx512bf16() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  return (d & AMX_BF16) && (d & AMX_TILE) && may_use_tiles();
}
#else
#define has_amx        never
#define has_avx512bf16 never
#define has_avx512     never
#define has_avx2       never
#endif

#if defined(__aarch64__)
#define has_neon always
#if defined(__linux__)
#include <sys/auxv.h>
static bool has_neonbf16(void) {
  enum { HWCAP2_BIT_BF16 = 1 << 14 };
  return getauxval(AT_HWCAP2) & HWCAP2_BIT_BF16;
}
#elif defined(__APPLE__)
#include <sys/sysctl.h>
static bool has_neonbf16(void) {
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, NULL, 0) == 0 && has;
}
#else
#define has_neonbf16 never
#endif
#else
#define has_neon     never
#define has_neonbf16 never
#endif

const of3_isa of3_isa_amx = {"amx", has_amx, of3_cpu_kernels_avx512, of3_bf16_kernels_amx};
const of3_isa of3_isa_avx512bf16 = {"avx512bf16", has_avx512bf16, of3_cpu_kernels_avx512,
                                    of3_bf16_kernels_avx512bf16};
const of3_isa of3_isa_avx512 = {"avx512", has_avx512, of3_cpu_kernels_avx512, NULL};
const of3_isa of3_isa_avx2 = {"avx2", has_avx2, of3_cpu_kernels_avx2, NULL};
const of3_isa of3_isa_neonbf16 = {"neonbf16", has_neonbf16, of3_cpu_kernels_neon, of3_bf16_kernels_neonbf16};
const of3_isa of3_isa_neon = {"neon", has_neon, of3_cpu_kernels_neon, NULL};
const of3_isa of3_isa_plain = {"plain", always, of3_cpu_kernels_plain, NULL};
