/* Locates the entries of a LevelDB table. Uncompressed blocks are not copied.

   Every number is checked against the table before it is used, and every checksum is verified.
   Damaged tables and unknown formats are rejected and left to LevelDB. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* CRC-32C (Castagnoli), which LevelDB uses for its checksums. */
static uint32_t crc_table[8][256];

static void fill_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
        crc_table[0][i] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int i = 0; i < 256; i++) {
            uint32_t before = crc_table[slice - 1][i];
            crc_table[slice][i] = before >> 8 ^ crc_table[0][before & 0xFF];
        }
}

static uint32_t crc_by_table(uint32_t crc, const unsigned char *at, size_t size)
{
    for (; size >= 8; at += 8, size -= 8) {
        uint32_t next = 0;
        for (int i = 0; i < 8; i++)
            next ^= crc_table[7 - i][(i < 4 ? crc >> 8 * i & 0xFF : 0) ^ at[i]];
        crc = next;
    }
    while (size--)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at++) & 0xFF];
    return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("sse4.2")))
static uint32_t crc_by_processor(uint32_t crc, const unsigned char *at, size_t size)
{
    uint64_t wide = crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    while (size--)
        crc = __builtin_ia32_crc32qi(crc, *at++);
    return crc;
}
#define HAS_CRC __builtin_cpu_supports("sse4.2")
#else
#define crc_by_processor crc_by_table
#define HAS_CRC 0
#endif

static uint32_t crc32c(const unsigned char *at, size_t size)
{
    return ~(HAS_CRC ? crc_by_processor : crc_by_table)(~0u, at, size);
}

/* The table format: github.com/google/leveldb, doc/table_format.md. */
#define FOOTER 48
#define TABLE_MAGIC 0xDB4775248B80FB57u
#define MAX_UNPACKED (1u << 28)
#define TRAILER 5 /* after every block: its compression type and checksum */
#define MARK 8    /* after every key: its sequence number, and whether it was deleted */

typedef struct {
    const unsigned char *data;
    size_t size;
} Span;

/* Reads a varint of up to 64 bits; returns 0 if it does not end within the span. */
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

/* Reserves `more` bytes; returns 0 if memory runs out. */
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

/* Decompresses Snappy data (github.com/google/snappy, format_description.txt) and appends the
   result to the buffer; returns 0 if the data is invalid. */
static int unpack(Span packed, Buffer *to)
{
    uint64_t unpacked_size;
    if (!take_varint(&packed, &unpacked_size) || unpacked_size > MAX_UNPACKED ||
        !widen(to, unpacked_size))
        return 0;
    unsigned char *begin = to->data + to->size, *at = begin, *end = begin + unpacked_size;
    while (packed.size) {
        unsigned char tag = *packed.data++;
        packed.size--;
        size_t length = (size_t)(tag >> 2) + 1, offset = 0, more = tag & 3 ? 1u << (tag & 3) >> 1 : 0;
        if (!(tag & 3) && length > 60)
            more = length - 60;
        if (packed.size < more)
            return 0;
        for (size_t i = 0; i < more; i++)
            offset |= (size_t)packed.data[i] << 8 * i;
        packed.data += more;
        packed.size -= more;
        if (!(tag & 3)) {
            length = more ? offset + 1 : length;
            if (length > packed.size || length > (size_t)(end - at))
                return 0;
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
            return 0;
        for (; length; length--, at++) /* source and target may overlap */
            *at = at[-(ptrdiff_t)offset];
    }
    to->size += unpacked_size;
    return at == end;
}

/* Opens the block that the next handle points to, without its restart array. `origin` is its
   offset in the table, or the table's size plus its offset in the unpacked data. Returns 0 unless
   the complete, valid block is inside the table. */
static int open_block(Span table, Span *handle, Buffer *unpacked, Span *block, int64_t *origin)
{
    uint64_t at, size;
    if (!take_varint(handle, &at) || !take_varint(handle, &size))
        return 0;
    if (size > table.size || at > table.size - size || table.size - size - at < TRAILER)
        return 0;
    const unsigned char *start = table.data + at;
    uint32_t stored = fixed32(start + size + 1) - 0xA282EAD8u;
    if (start[size] > 1 || crc32c(start, size + 1) != (stored >> 17 | stored << 15))
        return 0;
    *origin = (int64_t)at;
    if (start[size]) {
        size_t before = unpacked->size;
        if (!unpack((Span){start, size}, unpacked))
            return 0;
        *origin = (int64_t)(table.size + before);
        start = unpacked->data + before;
        size = unpacked->size - before;
    }
    if (size < 4)
        return 0;
    uint64_t restarts = fixed32(start + size - 4);
    if (restarts > (size - 4) / 4)
        return 0;
    *block = (Span){start, size - 4 - 4 * restarts};
    return 1;
}

/* Reads the next entry of a block: the length of the key prefix it shares with the previous entry,
   the rest of the key, and the value. */
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
    Buffer rows; /* four int64 each: offset and length of the key, offset and length of the value */
    size_t newest, newest_bytes; /* the last key read, live or deleted */
    int any;
} Entries;

/* Adds the live entries of a block. Of several entries with one key, the first is the newest. */
static int take_block(Span block, int64_t origin, Entries *to)
{
    const unsigned char *begin = block.data;
    size_t before = 0, before_bytes = 0; /* the previous key, with its mark */
    while (block.size) {
        uint64_t shared;
        Span rest, value;
        if (!take_entry(&block, &shared, &rest, &value) || shared > before_bytes ||
            shared + rest.size < MARK)
            return 0;
        size_t key_size = shared + rest.size;
        if (!widen(&to->keys, key_size) || !widen(&to->rows, 4 * sizeof(int64_t)))
            return 0;
        unsigned char *end = to->keys.data + to->keys.size;
        if (before != to->keys.size) /* else the previous key was not kept, and is still here */
            memcpy(end, to->keys.data + before, shared);
        memcpy(end + shared, rest.data, rest.size);
        size_t bytes = key_size - MARK;
        unsigned char kind = end[bytes];
        int again = to->any && bytes == to->newest_bytes &&
                    !memcmp(to->keys.data + to->newest, end, bytes);
        if (kind > 1)
            return 0;
        before = to->keys.size;
        before_bytes = key_size;
        if (again)
            continue;
        to->any = 1;
        to->newest = to->keys.size;
        to->newest_bytes = bytes;
        to->keys.size += key_size;
        if (kind == 1) {
            int64_t row[4] = {(int64_t)to->newest, (int64_t)bytes,
                              origin + (value.data - begin), (int64_t)value.size};
            memcpy(to->rows.data + to->rows.size, row, sizeof row);
            to->rows.size += sizeof row;
        }
    }
    return 1;
}

static int take_table(Span table, Buffer *index_buffer, Entries *to)
{
    if (table.size < FOOTER)
        return 0;
    const unsigned char *footer = table.data + table.size - FOOTER;
    uint64_t magic = fixed32(footer + 40) | (uint64_t)fixed32(footer + 44) << 32;
    Span handles = {footer, 40}, index, block, key, handle;
    uint64_t skipped, shared;
    int64_t origin;
    if (magic != TABLE_MAGIC || !take_varint(&handles, &skipped) ||
        !take_varint(&handles, &skipped) ||
        !open_block(table, &handles, index_buffer, &index, &origin))
        return 0;
    while (index.size)
        if (!take_entry(&index, &shared, &key, &handle) ||
            !open_block(table, &handle, &to->unpacked, &block, &origin) ||
            !take_block(block, origin, to))
            return 0;
    return 1;
}

static PyObject *bytes_of(const Buffer *buffer)
{
    return PyBytes_FromStringAndSize((const char *)buffer->data, (Py_ssize_t)buffer->size);
}

/* Returns the entries of a table: concatenated keys, int64 (n, 4) rows as bytes, and decompressed
   blocks; None if the table is damaged. */
static PyObject *table_entries(PyObject *self, PyObject *arguments)
{
    Py_buffer table;
    Buffer index = {0};
    Entries found = {0};
    PyObject *result = NULL;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*", &table))
        return NULL;
    if (take_table((Span){table.buf, (size_t)table.len}, &index, &found))
        result = Py_BuildValue("NNN", bytes_of(&found.keys), bytes_of(&found.rows),
                               bytes_of(&found.unpacked));
    else
        result = Py_NewRef(Py_None);
    PyMem_Free(index.data);
    PyMem_Free(found.keys.data);
    PyMem_Free(found.rows.data);
    PyMem_Free(found.unpacked.data);
    PyBuffer_Release(&table);
    return result;
}

static PyMethodDef methods[] = {
    {"table_entries", table_entries, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "tables", NULL, 0, methods,
                                        NULL,                  NULL,     NULL, NULL};

PyMODINIT_FUNC PyInit_tables(void)
{
    fill_crc_table();
    return PyModuleDef_Init(&definition);
}
