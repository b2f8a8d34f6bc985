/* torch.save archives: a zip of stored members, STEM/data.pkl (the dictionary, a pickle) and STEM/data/KEY
 * (one storage each). A tensor in the pickle is a call torch._utils._rebuild_tensor_v2(storage, offset, size,
 * stride, requires_grad, hooks [, metadata]) where storage is the persistent id ('storage',
 * torch.FloatStorage, KEY, location, elements). */
#include <stdio.h>
#include <string.h>

#include "base/pickle.h"
#include "base/zip.h"
#include "io/table_build.h"

enum {
  MAX_PICKLE = 256 << 20, /* bytes of data.pkl; 1 MB in the published files */
  MAX_TREE = 1 << 30,     /* bytes of the tree made of it */
  MAX_MEMBER_NAME = 512
};

/* Tags of globals; storages carry STORAGE + of3_dtype. */
enum { TENSOR = 1, PARAMETER, ORDERED_DICT, FOREIGN_STORAGE, STORAGE = 16 };

static const of3_pickle_global ALLOWED[] = {
    {"torch._utils", "_rebuild_tensor_v2", TENSOR, false},
    {"torch._utils", "_rebuild_parameter", PARAMETER, false},
    {"collections", "OrderedDict", ORDERED_DICT, true},
    {"torch", "FloatStorage", STORAGE + OF3_F32, false},
    {"torch", "BFloat16Storage", STORAGE + OF3_BF16, false},
    {"torch", "HalfStorage", STORAGE + OF3_F16, false},
    {"torch", "DoubleStorage", STORAGE + OF3_F64, false},
    {"torch", "IntStorage", STORAGE + OF3_I32, false},
    {"torch", "LongStorage", STORAGE + OF3_I64, false},
    {"torch", "ByteStorage", STORAGE + OF3_U8, false},
    {"torch", "ShortStorage", FOREIGN_STORAGE, false},
    {"torch", "CharStorage", FOREIGN_STORAGE, false},
    {"torch", "BoolStorage", FOREIGN_STORAGE, false},
    {"torch.storage", "UntypedStorage", FOREIGN_STORAGE, false},
};

typedef struct reader {
  of3_zip zip;
  char stem[MAX_MEMBER_NAME]; /* with the slash */
  uint64_t copied;            /* bytes of tensors that had to be copied */
  of3_checkpoint *out;
  of3_error *err;
} reader;

/* What the pickle says about a tensor. */
typedef struct layout {
  const of3_pickle *key;
  int64_t storage_count, offset; /* elements */
  int64_t stride[OF3_MAX_RANK];
} layout;

/* ---- one tensor ---- */

static of3_status torch_wrong(reader *r, const char *name, const char *what) {
  return of3_fail(r->err, OF3_ERR_INPUT, "tensor '%.300s': %s; the file may be corrupted", name, what);
}

/* The first opaque value below v: call, arguments, id, its parts. Nodes may be shared, so that a small
 * crafted pickle is a huge tree: the search ends after `left` nodes, more than a tensor has. */
static const of3_pickle *find_foreign_in(const of3_pickle *v, int depth, int *left) {
  const of3_pickle *found = NULL;
  if (v->type == OF3_PICKLE_OPAQUE) return v;
  if (depth == 0 || --*left <= 0) return NULL;
  if (v->type == OF3_PICKLE_CALL || v->type == OF3_PICKLE_PERSISTENT)
    found = find_foreign_in(v->args, depth - 1, left);
  if (v->type == OF3_PICKLE_TUPLE || v->type == OF3_PICKLE_LIST)
    for (size_t k = 0; !found && k<v->n && * left> 0; k++)
      found = find_foreign_in(v->item[k], depth - 1, left);
  return found;
}

static const of3_pickle *find_foreign(const of3_pickle *v) {
  enum {
    DEPTH = 8,
    NODES = 100
  }; /* a parameter down to the type of its storage: 6 levels, at most 50 nodes */
  int left = NODES;
  return find_foreign_in(v, DEPTH, &left);
}

static of3_status not_a_tensor(reader *r, const char *name, const of3_pickle *v) {
  char text[256];
  const of3_pickle *foreign = find_foreign(v);
  if (foreign)
    return of3_fail(
        r->err, OF3_ERR_INPUT,
        "the weight '%.300s' is made by the Python global '%s', which is not executed; weights may "
        "only be plain tensors",
        name, foreign->global);
  return of3_fail(r->err, OF3_ERR_INPUT,
                  "the weight '%.300s' is %s, not a tensor; pass a checkpoint of an OpenFold3 model", name,
                  of3_pickle_describe(v, text));
}

static bool torch_is_tuple(const of3_pickle *v, size_t least) {
  return v->type == OF3_PICKLE_TUPLE && v->n >= least;
}

static bool is_index(const of3_pickle *v) { return v->type == OF3_PICKLE_INT && v->i >= 0; }

static of3_status read_storage(reader *r, const char *name, const of3_pickle *v, of3_entry *e, layout *l) {
  if (v->type != OF3_PICKLE_PERSISTENT || !torch_is_tuple(v->args, 5)) return not_a_tensor(r, name, v);
  of3_pickle *const *id = v->args->item;
  if (!of3_pickle_equals(id[0], "storage") || id[1]->type != OF3_PICKLE_GLOBAL ||
      id[2]->type != OF3_PICKLE_STRING || !is_index(id[4]))
    return torch_wrong(r, name, "its storage is not described as torch does");
  if (id[1]->tag < STORAGE)
    return of3_fail(r->err, OF3_ERR_UNSUPPORTED,
                    "tensor '%.300s' is stored as '%s'; weights are float, bfloat16, half, double, int, "
                    "long or byte",
                    name, id[1]->global);
  e->dtype = (of3_dtype)(id[1]->tag - STORAGE);
  l->key = id[2];
  l->storage_count = id[4]->i;
  return OF3_OK;
}

static of3_status torch_read_shape(reader *r, const of3_pickle *size, const of3_pickle *stride, of3_entry *e,
                                   layout *l) {
  if (!torch_is_tuple(size, 0) || !torch_is_tuple(stride, 0) || size->n != stride->n)
    return torch_wrong(r, e->name, "its shape and strides do not agree");
  if (size->n > OF3_MAX_RANK)
    return of3_fail(r->err, OF3_ERR_UNSUPPORTED, "tensor '%.300s' has %zu dimensions; at most %d are read",
                    e->name, size->n, OF3_MAX_RANK);
  e->rank = (int)size->n;
  for (int k = 0; k < e->rank; k++) {
    if (!is_index(size->item[k]) || !is_index(stride->item[k]))
      return torch_wrong(r, e->name, "its shape or strides are not counts");
    e->shape[k] = size->item[k]->i;
    l->stride[k] = stride->item[k]->i;
  }
  return of3_shape_count(e->shape, e->rank, e->dtype, &e->count)
             ? OF3_OK
             : torch_wrong(r, e->name, "its shape is impossible");
}

static bool is_empty_dict(const of3_pickle *v) { return v->type == OF3_PICKLE_DICT && v->n == 0; }

/* The tensor of a parameter: torch._utils._rebuild_parameter(tensor, requires_grad, hooks). */
static const of3_pickle *unwrap(const of3_pickle *v) {
  bool parameter =
      v->type == OF3_PICKLE_CALL && v->tag == PARAMETER && !v->state && torch_is_tuple(v->args, 3);
  return parameter && is_empty_dict(v->args->item[2]) ? v->args->item[0] : v;
}

/* Type, shape and place of a tensor. Hooks, metadata and attributes would change what it means. */
static of3_status read_layout(reader *r, const of3_pickle *v, of3_entry *e, layout *l) {
  if (find_foreign(v)) return not_a_tensor(r, e->name, v);
  v = unwrap(v);
  if (v->type != OF3_PICKLE_CALL || v->tag != TENSOR || !torch_is_tuple(v->args, 6))
    return not_a_tensor(r, e->name, v);
  of3_pickle *const *arg = v->args->item;
  OF3_TRY(read_storage(r, e->name, arg[0], e, l));
  if (!is_index(arg[1])) return torch_wrong(r, e->name, "its offset is not a count");
  l->offset = arg[1]->i;
  OF3_TRY(torch_read_shape(r, arg[2], arg[3], e, l));
  if (v->state || !is_empty_dict(arg[5]) || (v->args->n > 6 && arg[6]->type != OF3_PICKLE_NONE))
    return of3_fail(r->err, OF3_ERR_UNSUPPORTED,
                    "tensor '%.300s' carries hooks or metadata; save it as a plain tensor", e->name);
  return OF3_OK;
}

/* Whether every element lies inside the storage, and the tensor has no more elements than that (it may be
 * transposed or a slice, but not a small storage expanded to a large shape). */
static bool inside(const of3_entry *e, const layout *l) {
  int64_t last = l->offset, step;
  if (e->count == 0) return l->offset <= l->storage_count;
  for (int k = 0; k < e->rank; k++)
    if (__builtin_mul_overflow(e->shape[k] - 1, l->stride[k], &step) ||
        __builtin_add_overflow(last, step, &last))
      return false;
  return last < l->storage_count && e->count <= l->storage_count;
}

static bool is_dense(const of3_entry *e, const layout *l) {
  int64_t stride = 1;
  for (int k = e->rank - 1; k >= 0; k--) {
    if (e->shape[k] != 1 && l->stride[k] != stride) return false;
    stride *= e->shape[k];
  }
  return true;
}

/* Gathers the elements in row-major order: an odometer over the indices. */
static void gather(const of3_entry *e, const layout *l, const uint8_t *from, uint8_t *to) {
  size_t size = of3_dtype_size(e->dtype);
  int64_t index[OF3_MAX_RANK] = {0}, at = 0;
  for (int64_t done = 0; done < e->count; done++, to += size) {
    memcpy(to, from + (size_t)at * size, size);
    for (int k = e->rank - 1; k >= 0; k--) {
      at += l->stride[k];
      if (++index[k] < e->shape[k]) break;
      at -= l->stride[k] * e->shape[k];
      index[k] = 0;
    }
  }
}

/* Copies are bounded by the file: a crafted pickle could list one storage a million times. */
static of3_status torch_copy(reader *r, of3_entry *e, const layout *l, const uint8_t *from) {
  uint64_t bytes = (uint64_t)e->count * of3_dtype_size(e->dtype);
  if (bytes > r->zip.size - r->copied)
    return torch_wrong(r, e->name,
                       "with it, tensors that are not dense take more memory than the whole file");
  uint8_t *to = of3_arena_alloc(r->out->weights.arena, (size_t)bytes, 1);
  if (!to) return of3_fail_memory(r->err, "a tensor that is not dense in its file");
  gather(e, l, from, to);
  r->copied += bytes;
  e->data = to;
  return OF3_OK;
}

static of3_status find_storage(reader *r, const of3_entry *e, const layout *l, const uint8_t **ret,
                               of3_error *err) {
  char name[2 * MAX_MEMBER_NAME];
  int n = l->key->n < MAX_MEMBER_NAME ? (int)l->key->n : MAX_MEMBER_NAME;
  snprintf(name, sizeof name, "%sdata/%.*s", r->stem, n, l->key->text);
  const of3_zip_member *m = of3_zip_find(&r->zip, name);
  if (!m)
    return of3_fail(err, OF3_ERR_INPUT,
                    "tensor '%.300s': its storage is missing from the archive; the file may be corrupted",
                    e->name);
  if (m->size / of3_dtype_size(e->dtype) < (uint64_t)l->storage_count)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "tensor '%.300s': its storage has %llu bytes where %lld elements of %s are expected; the file "
        "may be truncated",
        e->name, (unsigned long long)m->size, (long long)l->storage_count, of3_dtype_name(e->dtype));
  return of3_zip_stored(&r->zip, m, ret, err);
}

static of3_status torch_place(reader *r, of3_entry *e, const layout *l) {
  const uint8_t *storage = NULL;
  OF3_TRY(find_storage(r, e, l, &storage, r->err));
  if (!inside(e, l)) return torch_wrong(r, e->name, "it reaches beyond its storage");
  size_t size = of3_dtype_size(e->dtype);
  const uint8_t *data = storage + (size_t)l->offset * size;
  if (!is_dense(e, l) || (uintptr_t)data % size != 0) return torch_copy(r, e, l, data);
  e->data = data;
  return OF3_OK;
}

/* ---- the table of weights ---- */

static of3_status read_weight(reader *r, const of3_pickle *key, const of3_pickle *value) {
  of3_checkpoint *c = r->out;
  if (key->type != OF3_PICKLE_STRING || memchr(key->text, 0, key->n)) {
    char text[256];
    return of3_fail(r->err, OF3_ERR_INPUT,
                    "a name in the table of weights is %s; pass a checkpoint of an OpenFold3 model",
                    of3_pickle_describe(key, text));
  }
  char *full = of3_arena_strndup(c->weights.arena, key->text, key->n);
  if (!full) return of3_fail_memory(r->err, "a table of tensors");
  layout l = {0};
  of3_entry e = {.name = full};
  OF3_TRY(read_layout(r, value, &e, &l));
  e.name = of3_weight_name(full);
  if (!e.name) {
    c->n_skipped++;
    c->skipped_bytes += (uint64_t)e.count * of3_dtype_size(e.dtype);
    return OF3_OK;
  }
  OF3_TRY(torch_place(r, &e, &l));
  c->weights.entry[c->weights.n++] = e;
  return OF3_OK;
}

/* A table under `key` of dict: NULL if there is none (or None); anything but a dictionary is an error, so
 * that other weights are never taken silently instead. */
static of3_status find_table(reader *r, const of3_pickle *dict, const char *key, const of3_pickle **ret) {
  char text[256];
  *ret = of3_pickle_get(dict, key);
  if (*ret && (*ret)->type == OF3_PICKLE_NONE) *ret = NULL;
  if (!*ret || (*ret)->type == OF3_PICKLE_DICT) return OF3_OK;
  return of3_fail(r->err, OF3_ERR_INPUT,
                  "'%s' of the checkpoint is %s, not a dictionary; save plain dictionaries of tensors", key,
                  of3_pickle_describe(*ret, text));
}

/* ema.params, else state_dict, else module, else the top level itself. */
static of3_status find_weights(reader *r, const of3_pickle *root, const of3_pickle **ret) {
  static const char *const NAME[] = {"state_dict", "module"};
  const of3_pickle *ema = NULL;
  if (root->type != OF3_PICKLE_DICT) {
    char text[256];
    return of3_fail(r->err, OF3_ERR_INPUT,
                    "the checkpoint is %s, not a dictionary; save the model's state_dict()",
                    of3_pickle_describe(root, text));
  }
  OF3_TRY(find_table(r, root, "ema", &ema));
  r->out->layout = "ema.params";
  if (ema) OF3_TRY(find_table(r, ema, "params", ret));
  for (int k = 0; !*ret && k < 2; k++) {
    r->out->layout = NAME[k];
    OF3_TRY(find_table(r, root, NAME[k], ret));
  }
  if (!*ret) {
    r->out->layout = "flat";
    *ret = root;
  }
  return OF3_OK;
}

static of3_status read_weights(reader *r, const of3_pickle *root) {
  of3_table *t = &r->out->weights;
  const of3_pickle *table = NULL;
  OF3_TRY(find_weights(r, root, &table));
  if (table->n > INT32_MAX) return torch_wrong(r, "", "there are too many tensors");
  t->entry = OF3_ARENA_NEW(t->arena, of3_entry, table->n);
  if (!t->entry) return of3_fail_memory(r->err, "a table of tensors");
  for (size_t k = 0; k < table->n; k++) OF3_TRY(read_weight(r, table->item[2 * k], table->item[2 * k + 1]));
  return of3_table_finish(t, r->err);
}

/* ---- the archive ---- */

/* data.pkl lies in the one folder of the archive, whose name is any. */
static of3_status find_pickle(reader *r, const of3_zip_member **ret) {
  static const char TAIL[] = "/data.pkl";
  for (int i = 0; i < r->zip.n; i++) {
    const char *name = r->zip.member[i].name, *slash = strchr(name, '/');
    if (!slash || strcmp(slash, TAIL) != 0 || strlen(name) >= MAX_MEMBER_NAME) continue;
    memcpy(r->stem, name, (size_t)(slash - name) + 1);
    *ret = &r->zip.member[i];
    return OF3_OK;
  }
  return of3_fail(r->err, OF3_ERR_INPUT,
                  "this is a zip archive but no torch checkpoint: it has no member FOLDER/data.pkl");
}

/* Files without the member are from before it existed, and little-endian. */
static of3_status check_byte_order(reader *r) {
  char name[MAX_MEMBER_NAME + 16];
  const uint8_t *text = NULL;
  snprintf(name, sizeof name, "%sbyteorder", r->stem);
  const of3_zip_member *m = of3_zip_find(&r->zip, name);
  if (!m) return OF3_OK;
  OF3_TRY(of3_zip_stored(&r->zip, m, &text, r->err));
  if (m->size == 6 && memcmp(text, "little", 6) == 0) return OF3_OK;
  return of3_fail(r->err, OF3_ERR_UNSUPPORTED,
                  "the checkpoint was saved on a big-endian machine; load and save it again on a "
                  "little-endian one");
}

static of3_status parse_with(reader *r, const uint8_t *bytes, size_t size, of3_arena *scratch) {
  const of3_zip_member *m = NULL;
  const uint8_t *pickle = NULL;
  const of3_pickle *root = NULL;
  OF3_TRY(of3_zip_parse(bytes, size, scratch, &r->zip, r->err));
  OF3_TRY(find_pickle(r, &m));
  OF3_TRY(check_byte_order(r));
  OF3_TRY(of3_zip_read(&r->zip, m, MAX_PICKLE, scratch, &pickle, r->err));
  const size_t room = of3_arena_room(scratch);
  const of3_pickle_policy policy = {ALLOWED, sizeof ALLOWED / sizeof *ALLOWED,
                                    room < MAX_TREE ? room : MAX_TREE};
  OF3_TRY(of3_pickle_parse(pickle, (size_t)m->size, &policy, scratch, &root, r->err));
  return read_weights(r, root);
}

of3_status of3_torch_parse(const uint8_t *bytes, size_t size, of3_checkpoint *out, of3_error *err) {
  of3_arena *scratch = of3_arena_new_within(out->weights.arena);
  if (!scratch) return of3_fail_memory(err, "the directory of a checkpoint");
  reader r = {.out = out, .err = err};
  of3_status status = parse_with(&r, bytes, size, scratch);
  of3_arena_free(scratch);
  return status;
}
