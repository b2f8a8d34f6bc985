/* The record of a component:
 *
 *   u16 atoms, u16 bonds, u8 flags (1 ideal, 2 model coordinates; 4, 8: those with 32 bits)
 *   8 texts      u16 length, bytes
 *   each atom    u8 length of the name, bytes; 2 bytes element; i8 charge; u8 leaving | aromatic << 1 |
 * stereo << 2 each bond    u16 a, u16 b, u8 order | aromatic << 3 | stereo << 4 each kind of coordinates that
 * is there: i32 origin [3], then x, y, z of each atom less the origin, i16 or i32
 *
 * Coordinates are whole thousandths of an Angstrom, as in the dictionary; the lowest number stands for none.
 */
#include <math.h>
#include <string.h>

#include "base/le.h"
#include "ccd/ccd_record.h"

enum { CCD_TEXTS = 8, CCD_IDEAL = 1, CCD_MODEL = 2, CCD_WIDE_IDEAL = 4, CCD_WIDE_MODEL = 8 };

static const char atom_stereo[] = "NRS", bond_stereo[] = "NEZ";

static unsigned stereo_index(const char *kinds, char stereo) {
  const char *p = stereo ? strchr(kinds, stereo) : NULL;
  return p ? (unsigned)(p - kinds) : 0;
}

/* ---- Packing */

static void pack_le(of3_str *out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; i++) of3_str_addc(out, (char)(value >> 8 * i & 255), 1);
}

static void pack_text(of3_str *out, const char *text) {
  size_t n = strlen(text);
  if (n > 0xffff) n = 0xffff;
  pack_le(out, (uint32_t)n, 2);
  of3_str_addn(out, text, n);
}

static void pack_atom(of3_str *out, const of3_ccd_atom *a) {
  size_t n = strlen(a->name);
  pack_le(out, (uint32_t)n, 1);
  of3_str_addn(out, a->name, n);
  pack_le(out, (uint8_t)a->element[0] | (uint32_t)(uint8_t)a->element[1] << 8, 2);
  pack_le(out, (uint8_t)a->charge, 1);
  pack_le(out, a->leaving | (unsigned)a->aromatic << 1 | stereo_index(atom_stereo, a->stereo) << 2, 1);
}

static void pack_bond(of3_str *out, const of3_ccd_bond *b) {
  pack_le(out, b->a, 2);
  pack_le(out, b->b, 2);
  pack_le(out, b->order | (unsigned)b->aromatic << 3 | stereo_index(bond_stereo, b->stereo) << 4, 1);
}

typedef struct ccd_extent {
  int32_t origin[3];
  bool fits, wide; /* within 1,000,000 Angstrom; does 16 bits not hold it */
} ccd_extent;

static int32_t thousandths(float x) { return (int32_t)lround((double)x * 1000); }

static ccd_extent extent_of(const float *xyz, int n) {
  ccd_extent e = {.fits = true};
  for (int axis = 0; axis < 3; axis++) {
    float low = INFINITY, high = -INFINITY;
    for (int i = 0; i < n; i++) {
      float x = xyz[3 * i + axis];
      if (x < low) low = x;
      if (x > high) high = x;
    }
    if (low > high) continue; /* none has any */
    if (low < -1e6F || high > 1e6F) return (ccd_extent){0};
    e.origin[axis] = thousandths(low) + 32767;
    e.wide |= thousandths(high) - thousandths(low) > 65534;
  }
  return e;
}

static void pack_coordinates(of3_str *out, const float *xyz, int n, const ccd_extent *e) {
  for (int axis = 0; axis < 3; axis++) pack_le(out, (uint32_t)e->origin[axis], 4);
  for (int i = 0; i < 3 * n; i++) {
    int32_t none = e->wide ? INT32_MIN : INT16_MIN;
    int32_t x = isnan(xyz[i]) ? none : thousandths(xyz[i]) - e->origin[i % 3];
    pack_le(out, (uint32_t)x, e->wide ? 4 : 2);
  }
}

of3_status of3_ccd_pack(const of3_ccd_entry *e, of3_str *out, of3_error *err) {
  const char *texts[CCD_TEXTS] = {e->name,   e->type,   e->formula,     e->parent,
                                  e->letter, e->status, e->replaced_by, e->modified};
  ccd_extent ideal = {.fits = true}, model = {.fits = true};
  if (e->ideal) ideal = extent_of(e->ideal, e->n_atom);
  if (e->model) model = extent_of(e->model, e->n_atom);
  if (!ideal.fits || !model.fits)
    return of3_fail(err, OF3_ERR_INPUT, "component '%s' has a coordinate beyond 1,000,000 Angstrom", e->code);
  pack_le(out, (uint32_t)e->n_atom, 2);
  pack_le(out, (uint32_t)e->n_bond, 2);
  pack_le(out,
          (e->ideal ? CCD_IDEAL : 0) | (e->model ? CCD_MODEL : 0) | (ideal.wide ? CCD_WIDE_IDEAL : 0) |
              (model.wide ? CCD_WIDE_MODEL : 0),
          1);
  for (int i = 0; i < CCD_TEXTS; i++) pack_text(out, texts[i]);
  for (int i = 0; i < e->n_atom; i++) pack_atom(out, &e->atom[i]);
  for (int i = 0; i < e->n_bond; i++) pack_bond(out, &e->bond[i]);
  if (e->ideal) pack_coordinates(out, e->ideal, e->n_atom, &ideal);
  if (e->model) pack_coordinates(out, e->model, e->n_atom, &model);
  return OF3_OK;
}

/* ---- Unpacking */

typedef struct ccd_bytes {
  const uint8_t *at, *end;
  of3_arena *arena;
  bool cut, memory; /* what went wrong */
} ccd_bytes;

static uint32_t take_le(ccd_bytes *b, int bytes) {
  uint32_t value = 0;
  if (b->end - b->at < bytes) {
    b->cut = true;
    return 0;
  }
  for (int i = 0; i < bytes; i++) value |= (uint32_t)*b->at++ << 8 * i;
  return value;
}

static void *take_memory_for(ccd_bytes *b, size_t n, size_t size) {
  void *p = of3_arena_alloc(b->arena, n, size);
  b->memory |= !p;
  return p;
}

static const char *take_text(ccd_bytes *b) {
  uint32_t n = take_le(b, 2);
  if ((size_t)(b->end - b->at) < n) b->cut = true;
  if (b->cut || n == 0) return "";
  char *text = of3_arena_strndup(b->arena, (const char *)b->at, n);
  b->memory |= !text;
  b->at += n;
  return text ? text : "";
}

static void take_atom(ccd_bytes *b, of3_ccd_atom *a) {
  uint32_t n = take_le(b, 1);
  if (n >= sizeof a->name || (size_t)(b->end - b->at) < n) b->cut = true;
  if (b->cut) return;
  memcpy(a->name, b->at, n);
  b->at += n;
  a->element[0] = (char)take_le(b, 1);
  a->element[1] = (char)take_le(b, 1);
  a->charge = (int8_t)take_le(b, 1);
  uint32_t flags = take_le(b, 1);
  a->leaving = flags & 1;
  a->aromatic = flags >> 1 & 1;
  a->stereo = atom_stereo[flags >> 2 < 3 ? flags >> 2 : 0];
}

static void take_bond(ccd_bytes *b, int n_atom, of3_ccd_bond *bond) {
  bond->a = (uint16_t)take_le(b, 2);
  bond->b = (uint16_t)take_le(b, 2);
  uint32_t flags = take_le(b, 1);
  bond->order = flags & 7;
  bond->aromatic = flags >> 3 & 1;
  bond->stereo = bond_stereo[flags >> 4 < 3 ? flags >> 4 : 0];
  b->cut |=
      bond->a >= n_atom || bond->b >= n_atom || bond->a == bond->b || bond->order < 1 || bond->order > 4;
}

static float *take_coordinates(ccd_bytes *b, int n, bool wide) {
  int32_t origin[3];
  for (int axis = 0; axis < 3; axis++) origin[axis] = (int32_t)take_le(b, 4);
  if ((b->end - b->at) / (wide ? 12 : 6) < n) b->cut = true;
  float *xyz = b->cut ? NULL : take_memory_for(b, (size_t)n, 3 * sizeof *xyz);
  for (int i = 0; xyz && i < 3 * n; i++) {
    int32_t x = wide ? (int32_t)take_le(b, 4) : (int16_t)take_le(b, 2);
    bool none = x == (wide ? INT32_MIN : INT16_MIN);
    xyz[i] = none ? NAN : (float)(((double)x + origin[i % 3]) / 1000);
  }
  return xyz;
}

of3_ccd_entry *of3_ccd_unpack(const uint8_t *bytes, size_t n, of3_arena *arena, bool *ret_memory) {
  ccd_bytes b = {.at = bytes, .end = bytes + n, .arena = arena};
  of3_ccd_entry *e = take_memory_for(&b, 1, sizeof *e);
  *ret_memory = !e;
  if (!e) return NULL;
  const char **texts[CCD_TEXTS] = {&e->name,   &e->type,   &e->formula,     &e->parent,
                                   &e->letter, &e->status, &e->replaced_by, &e->modified};
  e->n_atom = (int)take_le(&b, 2);
  e->n_bond = (int)take_le(&b, 2);
  uint32_t flags = take_le(&b, 1);
  for (int i = 0; i < CCD_TEXTS; i++) *texts[i] = take_text(&b);
  /* 5 bytes are the least of either */
  if ((b.end - b.at) / 5 < e->n_atom + e->n_bond) b.cut = true;
  if (!b.cut) e->atom = take_memory_for(&b, (size_t)e->n_atom, sizeof *e->atom);
  if (!b.cut) e->bond = take_memory_for(&b, (size_t)e->n_bond, sizeof *e->bond);
  for (int i = 0; e->atom && i < e->n_atom; i++) take_atom(&b, &e->atom[i]);
  for (int i = 0; e->bond && i < e->n_bond; i++) take_bond(&b, e->n_atom, &e->bond[i]);
  if (flags & CCD_IDEAL) e->ideal = take_coordinates(&b, e->n_atom, flags & CCD_WIDE_IDEAL);
  if (flags & CCD_MODEL) e->model = take_coordinates(&b, e->n_atom, flags & CCD_WIDE_MODEL);
  *ret_memory = b.memory;
  return b.cut || b.memory ? NULL : e;
}
