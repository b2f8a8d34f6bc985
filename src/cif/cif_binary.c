/* BinaryCIF: MessagePack maps,
 *
 *   {dataBlocks: [{header, categories: [{name, rowCount, columns: [{name, data, mask}]}]}]}
 *   data, mask: {data: bytes, encoding: [{kind, ...}, ...]}
 *
 * Keys stand in any order. A block is walked once, which notes where the columns are; they are decoded when
 * they are opened. */
#include <string.h>

#include "cif/cif_parts.h"
#include "cif/msgpack.h"

static of3_status bcif_wrong(const of3_cif *c, const char *what, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s' is no whole BinaryCIF file: %s; copy or download it again",
                  c->name, what);
}

static msgpack bcif_at(const of3_cif *c, size_t at) {
  return (msgpack){(const uint8_t *)c->base, c->base_size, at};
}

static cif_span bcif_span(const msgpack_value *v) { return (cif_span){(uint32_t)v->at, (uint32_t)v->n}; }

/* {data, encoding} */
static bool bcif_read_data(msgpack *m, cif_span *ret_data, cif_span *ret_encoding) {
  msgpack_value map, key, v;
  bool data = false, encoding = false;
  if (!of3_msgpack_expect(m, MSGPACK_MAP, &map)) return false;
  for (size_t i = 0; i < map.n; i++) {
    if (!of3_msgpack_read(m, &key)) return false;
    if (of3_msgpack_is(m, &key, "data")) {
      if (!of3_msgpack_expect(m, MSGPACK_BYTES, &v)) return false;
      *ret_data = bcif_span(&v);
      data = true;
    } else {
      bool is = of3_msgpack_is(m, &key, "encoding");
      size_t at = m->at;
      if (!of3_msgpack_skip(m)) return false;
      if (is) *ret_encoding = (cif_span){(uint32_t)at, (uint32_t)(m->at - at)};
      encoding |= is;
    }
  }
  return data && encoding;
}

static bool bcif_read_mask(msgpack *m, cif_item *item) {
  size_t at = m->at;
  msgpack_value v;
  if (!of3_msgpack_read(m, &v)) return false;
  if (v.kind == MSGPACK_NIL) return true;
  m->at = at;
  item->has_mask = true;
  return bcif_read_data(m, &item->mask, &item->mask_encoding);
}

static of3_status bcif_read_column(of3_cif *c, msgpack *m, int category, of3_error *err) {
  msgpack_value map, key, v;
  cif_item found = {0}, *item = NULL;
  bool named = false, data = false;
  if (!of3_msgpack_expect(m, MSGPACK_MAP, &map)) return bcif_wrong(c, "a column is no map", err);
  for (size_t i = 0; i < map.n; i++) {
    bool ok = of3_msgpack_read(m, &key);
    if (ok && of3_msgpack_is(m, &key, "name")) {
      ok = named = of3_msgpack_expect(m, MSGPACK_TEXT, &v);
      if (ok) found.name = bcif_span(&v);
    } else if (ok && of3_msgpack_is(m, &key, "data"))
      ok = data = bcif_read_data(m, &found.data, &found.encoding);
    else if (ok && of3_msgpack_is(m, &key, "mask"))
      ok = bcif_read_mask(m, &found);
    else
      ok = ok && of3_msgpack_skip(m);
    if (!ok) return bcif_wrong(c, "a column is cut or damaged", err);
  }
  if (!named || !data) return bcif_wrong(c, "a column has no name or no data", err);
  OF3_TRY(of3_cif_add_item(c, category, found.name, &item, err));
  found.next = item->next;
  *item = found;
  return OF3_OK;
}

static of3_status bcif_read_columns(of3_cif *c, size_t at, int category, of3_error *err) {
  msgpack m = bcif_at(c, at);
  msgpack_value list;
  if (!of3_msgpack_expect(&m, MSGPACK_ARRAY, &list))
    return bcif_wrong(c, "the columns of a category are no list", err);
  for (size_t i = 0; i < list.n; i++) OF3_TRY(bcif_read_column(c, &m, category, err));
  return OF3_OK;
}

static of3_status bcif_read_category(of3_cif *c, msgpack *m, of3_error *err) {
  msgpack_value map, key, v = {0};
  cif_span name = {0};
  size_t columns = 0;
  int64_t n_row = -1;
  int category = 0;
  if (!of3_msgpack_expect(m, MSGPACK_MAP, &map)) return bcif_wrong(c, "a category is no map", err);
  for (size_t i = 0; i < map.n; i++) {
    bool ok = of3_msgpack_read(m, &key);
    size_t at = m->at;
    if (ok && of3_msgpack_is(m, &key, "name")) {
      ok = of3_msgpack_expect(m, MSGPACK_TEXT, &v);
      name = bcif_span(&v);
    } else if (ok && of3_msgpack_is(m, &key, "rowCount")) {
      ok = of3_msgpack_expect(m, MSGPACK_INTEGER, &v) && v.integer >= 0 && v.integer < INT32_MAX;
      n_row = v.integer;
    } else {
      if (ok && of3_msgpack_is(m, &key, "columns")) columns = at;
      ok = ok && of3_msgpack_skip(m);
    }
    if (!ok) return bcif_wrong(c, "a category is cut or damaged", err);
  }
  if (!columns || n_row < 0 || !name.n)
    return bcif_wrong(c, "a category has no name, no rowCount or no columns", err);
  if (c->base[name.at] == '_') name = (cif_span){name.at + 1, name.n - 1};
  if (of3_cif_find_category(c, cif_slice(c, name)) >= 0)
    return bcif_wrong(c, "a category appears twice in a data block", err);
  OF3_TRY(of3_cif_add_category(c, name, &category, err));
  c->category[category].n_row = n_row;
  return bcif_read_columns(c, columns, category, err);
}

static of3_status bcif_read_block(of3_cif *c, msgpack *m, of3_error *err) {
  msgpack_value map, key, v, list;
  if (!of3_msgpack_expect(m, MSGPACK_MAP, &map)) return bcif_wrong(c, "a data block is no map", err);
  for (size_t i = 0; i < map.n; i++) {
    bool ok = of3_msgpack_read(m, &key);
    if (ok && of3_msgpack_is(m, &key, "header")) {
      ok = of3_msgpack_expect(m, MSGPACK_TEXT, &v);
      if (ok) c->block = bcif_span(&v);
    } else if (ok && of3_msgpack_is(m, &key, "categories")) {
      ok = of3_msgpack_expect(m, MSGPACK_ARRAY, &list);
      for (size_t k = 0; ok && k < list.n; k++) OF3_TRY(bcif_read_category(c, m, err));
    } else
      ok = ok && of3_msgpack_skip(m);
    if (!ok) return bcif_wrong(c, "a data block is cut or damaged", err);
  }
  return OF3_OK;
}

of3_status of3_cif_binary_open(of3_cif *c, of3_error *err) {
  if (c->base_size > UINT32_MAX)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' is larger than 4 GiB, which no BinaryCIF file is", c->name);
  msgpack m = bcif_at(c, 0);
  msgpack_value map, key, list;
  if (!of3_msgpack_expect(&m, MSGPACK_MAP, &map)) return bcif_wrong(c, "it does not begin with a map", err);
  for (size_t i = 0; i < map.n; i++) {
    bool ok = of3_msgpack_read(&m, &key);
    size_t at = m.at;
    bool blocks = ok && of3_msgpack_is(&m, &key, "dataBlocks");
    ok = ok && of3_msgpack_skip(&m);
    if (!ok) return bcif_wrong(c, "it ends in the middle", err);
    if (!blocks) continue;
    msgpack in = bcif_at(c, at);
    if (!of3_msgpack_expect(&in, MSGPACK_ARRAY, &list)) return bcif_wrong(c, "dataBlocks is no list", err);
    c->next_block = in.at;
    c->blocks_left = (int64_t)list.n;
  }
  if (!c->next_block) return bcif_wrong(c, "it has no dataBlocks", err);
  return OF3_OK;
}

of3_status of3_cif_binary_next(of3_cif *c, bool *ret_found, of3_error *err) {
  of3_arena_free(c->decoded);
  c->decoded = NULL;
  if (c->blocks_left == 0) return OF3_OK;
  c->decoded = of3_arena_new(0);
  if (!c->decoded) return of3_fail_memory(err, c->name);
  msgpack m = bcif_at(c, c->next_block);
  OF3_TRY(bcif_read_block(c, &m, err));
  of3_arena_limit(c->decoded, c->most - c->taken);
  c->next_block = m.at;
  c->blocks_left--;
  *ret_found = true;
  return OF3_OK;
}

static of3_status bcif_decode(of3_cif *c, const cif_category *k, const cif_item *item, bool mask,
                              cif_array *out, of3_error *err) {
  const char *why = NULL;
  bool ok = mask ? of3_cif_decode(c, item->mask_encoding, item->mask, true, out, &why)
                 : of3_cif_decode(c, item->encoding, item->data, false, out, &why);
  if (!ok && !why) return of3_cif_over_limit(c, err);
  if (ok && out->n != k->n_row) why = "its length is not that of its category";
  if (!why) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT,
                  "'%.200s': the column '%.*s' of the category '%.*s' cannot be decoded: %s", c->name,
                  (int)(item->name.n < 60 ? item->name.n : 60), c->base + item->name.at,
                  (int)(k->name.n < 60 ? k->name.n : 60), c->base + k->name.at, why);
}

of3_status of3_cif_binary_column(of3_cif *c, const cif_category *k, const cif_item *item, of3_cif_column *out,
                                 of3_error *err) {
  cif_array values = {0}, mask = {0};
  OF3_TRY(bcif_decode(c, k, item, false, &values, err));
  if (item->has_mask) OF3_TRY(bcif_decode(c, k, item, true, &mask, err));
  *out = (of3_cif_column){.found = true, .n_row = k->n_row, .mask = mask.mask};
  if (values.strings) {
    out->base = values.text;
    out->string = values.string;
    out->string_bytes = values.string_bytes;
    out->offset = values.offset;
  } else {
    out->integer = values.integer;
    out->real = values.real;
    out->factor = values.factor;
  }
  return OF3_OK;
}
