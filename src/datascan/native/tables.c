/* Entries of the blocks of a LevelDB table, without copying blocks that are not compressed.

   Every number is checked against the buffer before it is used, and every checksum is compared. A
   block that cannot be read has an error code; the other blocks are read all the same.
   table_blocks.py does the same in Python. */

#include "arguments.h"
#include "crc32c.h"

/* A LevelDB table: github.com/google/leveldb, doc/table_format.md. */
#define TRAILER 5 /* after every block: its compression, and its checksum */
#define MARK 8    /* at the end of every key: 56 bits of sequence number, 8 bits of kind */
#define DELETION 0
#define VALUE 1
#define RAW 0
#define SNAPPY 1
#define MAX_EXPANSION 32 /* Snappy copies at most 64 bytes for three */

/* Why a block cannot be read. */
enum {
    SOUND,
    OUTSIDE,     /* it is not inside the buffer */
    CHECKSUM,    /* its checksum does not match */
    COMPRESSION, /* it is compressed by an unknown method */
    SNAPPY_DATA, /* its Snappy data is damaged */
    ENTRIES,     /* its entries are malformed */
    ORDER,       /* its keys do not ascend */
    TOO_LARGE    /* it would exceed the limit on decompressed bytes or on key bytes */
};

typedef struct {
    const unsigned char *data;
    size_t size;
} Span;

/* A varint of up to 64 bits; 0 if it does not end within the span. */
static int take_varint(Span *from, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && from->size; shift += 7) {
        unsigned char octet = *from->data++;
        from->size--;
        *value |= (uint64_t)(octet & 0x7F) << shift;
        if (octet < 0x80)
            return 1;
    }
    return 0;
}

static uint32_t fixed32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

typedef struct {
    unsigned char *data;
    size_t size, capacity;
} Buffer;

/* Reserve space for more bytes; 0 if there is no memory. */
static int widen(Buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->size < more) {
        size_t capacity = 2 * buffer->size + more;
        void *moved = PyMem_Realloc(buffer->data, capacity);
        if (!moved)
            return 0;
        buffer->data = moved;
        buffer->capacity = capacity;
    }
    return 1;
}

/* Decompress Snappy data (github.com/google/snappy, format_description.txt) to the end of a
   buffer that may hold up to 'limit' bytes. */
static int unpack(Span packed, Buffer *to, size_t limit)
{
    uint64_t whole;
    if (!take_varint(&packed, &whole))
        return SNAPPY_DATA;
    if (to->size > limit || whole > limit - to->size)
        return TOO_LARGE;
    if (whole / MAX_EXPANSION > packed.size)
        return SNAPPY_DATA;
    if (!widen(to, whole))
        return TOO_LARGE;
    unsigned char *begin = to->data + to->size, *at = begin, *end = begin + whole;
    while (packed.size) {
        unsigned char tag = *packed.data++;
        packed.size--;
        size_t length = (size_t)(tag >> 2) + 1, offset = 0, more = tag & 3 ? 1u << (tag & 3) >> 1 : 0;
        if (!(tag & 3) && length > 60)
            more = length - 60;
        if (packed.size < more)
            return SNAPPY_DATA;
        for (size_t i = 0; i < more; i++)
            offset |= (size_t)packed.data[i] << 8 * i;
        packed.data += more;
        packed.size -= more;
        if (!(tag & 3)) {
            length = more ? offset + 1 : length;
            if (length > packed.size || length > (size_t)(end - at))
                return SNAPPY_DATA;
            memcpy(at, packed.data, length);
            packed.data += length;
            packed.size -= length;
            at += length;
            continue;
        }
        if ((tag & 3) == 1) {
            length = (size_t)(tag >> 2 & 7) + 4;
            offset |= (size_t)(tag >> 5) << 8;
        }
        if (!offset || offset > (size_t)(at - begin) || length > (size_t)(end - at))
            return SNAPPY_DATA;
        for (; length; length--, at++) /* source and target may overlap */
            *at = at[-(ptrdiff_t)offset];
    }
    if (at != end)
        return SNAPPY_DATA;
    to->size += whole;
    return SOUND;
}

/* A block without its restart points. 'origin' is where its first byte is: an offset into the
   buffer, or its size plus an offset into all decompressed bytes. */
static int open_block(Span buffer, int64_t at, int64_t size, Buffer *unpacked, size_t limit,
                      Span *block, int64_t *origin)
{
    if (at < 0 || size < 0 || (uint64_t)size > buffer.size ||
        (uint64_t)at > buffer.size - (uint64_t)size ||
        buffer.size - (uint64_t)size - (uint64_t)at < TRAILER)
        return OUTSIDE;
    const unsigned char *start = buffer.data + at;
    size_t length = (size_t)size;
    uint32_t stored = fixed32(start + length + 1) - 0xA282EAD8u;
    if (crc32c(start, length + 1) != (stored >> 17 | stored << 15))
        return CHECKSUM;
    *origin = at;
    if (start[length] == SNAPPY) {
        size_t before = unpacked->size;
        int error = unpack((Span){start, length}, unpacked, limit);
        if (error)
            return error;
        *origin = (int64_t)(buffer.size + before);
        start = unpacked->data + before;
        length = unpacked->size - before;
    } else if (start[length] != RAW) {
        return COMPRESSION;
    }
    if (length < 4)
        return ENTRIES;
    uint64_t restarts = fixed32(start + length - 4);
    if (restarts > (length - 4) / 4)
        return ENTRIES;
    *block = (Span){start, length - 4 - 4 * restarts};
    return SOUND;
}

/* The next entry of a block: the length of the prefix shared with the key before, the rest of its
   key, and its value. */
static int take_entry(Span *block, uint64_t *shared, Span *rest, Span *value)
{
    uint64_t own, length;
    if (!take_varint(block, shared) || !take_varint(block, &own) || !take_varint(block, &length))
        return 0;
    if (own > block->size || length > block->size - own)
        return 0;
    *rest = (Span){block->data, own};
    *value = (Span){block->data + own, length};
    block->data += own + length;
    block->size -= own + length;
    return 1;
}

typedef struct {
    Buffer keys, unpacked;
    Buffer rows; /* five int64 each: key offset, key bytes, value offset, value bytes, mark */
    size_t limit;
    int every_version;
} Entries;

static uint64_t mark_of(const unsigned char *at)
{
    return fixed32(at) | (uint64_t)fixed32(at + 4) << 32;
}

/* Whether internal key a, then b, are in order: keys ascend, and marks of one key descend. */
static int in_order(const unsigned char *a, size_t a_bytes, uint64_t a_mark,
                    const unsigned char *b, size_t b_bytes, uint64_t b_mark)
{
    int compared = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    if (!compared && a_bytes == b_bytes)
        return a_mark > b_mark;
    return compared < 0 || (!compared && a_bytes < b_bytes);
}

/* Add the entries of a block, deletions among them: the newest of each key, or every version. */
static int take_block(Span block, int64_t origin, Entries *to)
{
    const unsigned char *begin = block.data;
    /* The key before, in 'keys': kept with its mark, so that prefixes can be copied from it. */
    size_t before = to->keys.size, before_bytes = 0;
    int any = 0;
    while (block.size) {
        uint64_t shared;
        Span rest, value;
        if (!take_entry(&block, &shared, &rest, &value) || shared > before_bytes ||
            shared + rest.size < MARK)
            return ENTRIES;
        size_t whole = (size_t)shared + rest.size, bytes = whole - MARK;
        if (to->keys.size > to->limit || whole > to->limit - to->keys.size)
            return TOO_LARGE;
        if (!widen(&to->keys, whole) || !widen(&to->rows, 5 * sizeof(int64_t)))
            return TOO_LARGE;
        unsigned char *end = to->keys.data + to->keys.size;
        unsigned char *previous = to->keys.data + before;
        memcpy(end, previous, (size_t)shared);
        memcpy(end + shared, rest.data, rest.size);
        uint64_t mark = mark_of(end + bytes);
        if ((mark & 0xFF) != DELETION && (mark & 0xFF) != VALUE)
            return ENTRIES;
        int again = 0;
        if (any) {
            size_t size = before_bytes - MARK;
            if (!in_order(previous, size, mark_of(previous + size), end, bytes, mark))
                return ORDER;
            again = size == bytes && !memcmp(previous, end, bytes);
        }
        if (again && !to->every_version) {
            /* An older version: its mark takes the place of the newer one's, for the order. */
            memcpy(previous + bytes, end + bytes, MARK);
            continue;
        }
        any = 1;
        before = to->keys.size;
        before_bytes = whole;
        to->keys.size += whole;
        int64_t row[5] = {(int64_t)before, (int64_t)bytes, origin + (value.data - begin),
                          (int64_t)value.size, (int64_t)mark};
        memcpy(to->rows.data + to->rows.size, row, sizeof row);
        to->rows.size += sizeof row;
    }
    return SOUND;
}

static PyObject *bytes_of(const Buffer *buffer)
{
    return PyBytes_FromStringAndSize((const char *)buffer->data, (Py_ssize_t)buffer->size);
}

/* Bounds of the keys of consecutive blocks: block i has keys after key i of the bounds (or from it
   on, if i is 0 and the first bound is inclusive) up to and including key i + 1. Older versions of
   key i may be in it, too. */
typedef struct {
    Span keys;
    const char *places; /* int64 (n + 1, 2): offset and size of each key */
    size_t count;
    int is_inclusive;
} Bounds;

static int bound_at(const Bounds *bounds, size_t i, Span *key)
{
    int64_t place[2];
    memcpy(place, bounds->places + sizeof place * i, sizeof place);
    if (place[0] < 0 || place[1] < 0 || (uint64_t)place[1] > bounds->keys.size ||
        (uint64_t)place[0] > bounds->keys.size - (uint64_t)place[1])
        return 0;
    *key = (Span){bounds->keys.data + place[0], (size_t)place[1]};
    return 1;
}

static int compare(Span a, Span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int compared = size ? memcmp(a.data, b.data, size) : 0;
    return compared ? compared : (a.size > b.size) - (a.size < b.size);
}

static Span key_of_row(const Entries *entries, size_t row_at)
{
    int64_t row[2];
    memcpy(row, entries->rows.data + row_at, sizeof row);
    return (Span){entries->keys.data + row[0], (size_t)row[1]};
}

/* Drop the first entry of a block, whose keys and rows begin at these bytes. */
static void drop_first(Entries *entries, size_t keys, size_t rows)
{
    int64_t row[5];
    memcpy(row, entries->rows.data + rows, sizeof row);
    size_t bytes = (size_t)row[1] + MARK;
    entries->keys.size -= bytes;
    memmove(entries->keys.data + keys, entries->keys.data + keys + bytes,
            entries->keys.size - keys);
    entries->rows.size -= sizeof row;
    for (size_t at = rows; at < entries->rows.size; at += sizeof row) {
        memcpy(row, entries->rows.data + at + sizeof row, sizeof row);
        row[0] -= (int64_t)bytes;
        memcpy(entries->rows.data + at, row, sizeof row);
    }
}

/* Whether the entries of block i are within its bounds; its keys and rows begin at these bytes.
   If versions of one key are in two blocks, those in the second one are older, and are dropped. */
static int is_within(const Bounds *bounds, size_t i, Entries *entries, size_t keys, size_t rows)
{
    Span low, high;
    if (!bounds->count || rows == entries->rows.size)
        return 1;
    if (!bound_at(bounds, i, &low) || !bound_at(bounds, i + 1, &high))
        return 0;
    size_t last = entries->rows.size - 5 * sizeof(int64_t);
    int from = compare(key_of_row(entries, rows), low);
    if (from < 0 || compare(key_of_row(entries, last), high) > 0)
        return 0;
    if (!from && !(i == 0 && bounds->is_inclusive))
        drop_first(entries, keys, rows);
    return 1;
}

CONVERTER(take_octets, OCTETS, 1, 0)
CONVERTER(take_pairs, INTS, ANY_SHAPE, 0)

/* decode_blocks(buffer, handles, limit, every_version, bounds, places, is_inclusive) -> keys, rows,
   unpacked, blocks: see table_blocks.py. */
static PyObject *decode_blocks(PyObject *self, PyObject *arguments)
{
    Py_buffer buffer, handles, bound_keys, places;
    Py_ssize_t limit;
    int every_version;
    Bounds bounds = {0};
    Entries found = {0};
    Buffer blocks = {0};
    PyObject *result = NULL;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&pO&O&p", take_octets, &buffer, take_pairs, &handles,
                          take_count, &limit, &every_version, take_octets, &bound_keys, take_pairs,
                          &places, &bounds.is_inclusive))
        return NULL;
    size_t count = (size_t)handles.len / (2 * sizeof(int64_t));
    bounds.keys = (Span){bound_keys.buf, (size_t)bound_keys.len};
    bounds.places = places.buf;
    bounds.count = (size_t)places.len / (2 * sizeof(int64_t));
    found.limit = limit < 0 ? 0 : (size_t)limit;
    found.every_version = every_version;
    if ((size_t)handles.len % (2 * sizeof(int64_t))) {
        PyErr_SetString(PyExc_ValueError, "handles are pairs of int64");
        goto done;
    }
    if ((size_t)places.len % (2 * sizeof(int64_t)) || (bounds.count && bounds.count != count + 1)) {
        PyErr_SetString(PyExc_ValueError, "there is one bound more than blocks");
        goto done;
    }
    if (!widen(&blocks, 2 * sizeof(int64_t) * count)) {
        PyErr_NoMemory();
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t handle[2], origin = 0;
        Span block = {0};
        memcpy(handle, (const char *)handles.buf + sizeof handle * i, sizeof handle);
        size_t keys = found.keys.size, rows = found.rows.size, unpacked = found.unpacked.size;
        int error = open_block((Span){buffer.buf, (size_t)buffer.len}, handle[0], handle[1],
                               &found.unpacked, found.limit, &block, &origin);
        if (!error)
            error = take_block(block, origin, &found);
        if (!error && !is_within(&bounds, i, &found, keys, rows))
            error = ORDER;
        if (error) {
            found.keys.size = keys;
            found.rows.size = rows;
            found.unpacked.size = unpacked;
        }
        int64_t state[2] = {error, (int64_t)((found.rows.size - rows) / (5 * sizeof(int64_t)))};
        memcpy(blocks.data + blocks.size, state, sizeof state);
        blocks.size += sizeof state;
    }
    result = Py_BuildValue("NNNN", bytes_of(&found.keys), bytes_of(&found.rows),
                           bytes_of(&found.unpacked), bytes_of(&blocks));
done:
    PyMem_Free(found.keys.data);
    PyMem_Free(found.rows.data);
    PyMem_Free(found.unpacked.data);
    PyMem_Free(blocks.data);
    PyBuffer_Release(&buffer);
    PyBuffer_Release(&handles);
    PyBuffer_Release(&bound_keys);
    PyBuffer_Release(&places);
    return result;
}

/* decode_handles(data, rows, stop) -> int64 (n, 2) as bytes, or None: see table_blocks.py. */
static PyObject *decode_handles(PyObject *self, PyObject *arguments)
{
    Py_buffer data, rows;
    Py_ssize_t stop;
    Buffer handles = {0};
    PyObject *result = NULL;
    uint64_t before = 0;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&", take_octets, &data, take_octets, &rows, take_count,
                          &stop))
        return NULL;
    size_t count = (size_t)rows.len / (5 * sizeof(int64_t)), i = 0;
    if ((size_t)rows.len % (5 * sizeof(int64_t))) {
        PyErr_SetString(PyExc_ValueError, "rows are five int64 each");
        goto done;
    }
    if (!widen(&handles, 2 * sizeof(int64_t) * count + 1)) {
        PyErr_NoMemory();
        goto done;
    }
    for (; i < count; i++) {
        int64_t row[5];
        uint64_t at, size;
        memcpy(row, (const char *)rows.buf + sizeof row * i, sizeof row);
        if (row[2] < 0 || row[3] < 0 || row[3] > data.len || row[2] > data.len - row[3])
            break;
        Span handle = {(const unsigned char *)data.buf + row[2], (size_t)row[3]};
        if (!take_varint(&handle, &at) || !take_varint(&handle, &size) || stop < 0 ||
            at < before || at > (uint64_t)stop || size > (uint64_t)stop - at ||
            (uint64_t)stop - at - size < TRAILER)
            break;
        before = at + size + TRAILER;
        int64_t found[2] = {(int64_t)at, (int64_t)size};
        memcpy(handles.data + handles.size, found, sizeof found);
        handles.size += sizeof found;
    }
    result = i == count ? bytes_of(&handles) : Py_NewRef(Py_None);
done:
    PyMem_Free(handles.data);
    PyBuffer_Release(&data);
    PyBuffer_Release(&rows);
    return result;
}

static PyMethodDef methods[] = {
    {"decode_blocks", decode_blocks, METH_VARARGS, NULL},
    {"decode_handles", decode_handles, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "tables", NULL, 0, methods,
                                        NULL,                  NULL,     NULL, NULL};

PyMODINIT_FUNC PyInit_tables(void)
{
    fill_crc_tables();
    return PyModuleDef_Init(&definition);
}
