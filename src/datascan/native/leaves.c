/* Entries of the leaf pages of an LMDB: what leaf_pages.py does, in one pass over the pages.

   A writer may change a page while it is read: every number is loaded once, checked after it was
   loaded, and decides what is read only then. */

#include "arguments.h"

CONVERTER(take_octets, OCTETS, 1, 0)
CONVERTER(take_ints, INTS, 1, 0)
CONVERTER(take_ints_out, INTS, 1, WRITABLE)
CONVERTER(take_columns_out, INTS, 2, WRITABLE)
CONVERTER(take_octets_out, OCTETS, 1, WRITABLE)

#define LEAF 0x02
#define OVERFLOW 0x04 /* flags of a page */
#define BIG_DATA 0x01
#define SUB_DATA 0x02
#define DUP_DATA 0x04 /* flags of an entry */
#define HEAD 16       /* bytes before the pointers of a page, or before a value on overflow pages */
#define NODE 8        /* bytes before the key of an entry */
#define MIN_PAGE 512
#define MAX_PAGE 65536
#define WINDOW 65536  /* bytes of a file that Linux maps at once */

static const char *const PAGE_SIZE = "a page size is not a power of two from 512 to 65536";

enum { DATA, PAGES, COLUMNS, COUNTS, BUFFERS };
enum { KEY_OFFSETS, KEY_LENGTHS, OFFSETS, LENGTHS, ALL_COLUMNS };

typedef struct {
    const unsigned char *data;
    Py_ssize_t page_size, page_count;
    char *columns[ALL_COLUMNS];
    Py_ssize_t capacity;
    int64_t window; /* the last one that was mapped */
} Leaves;

static uint64_t load_little(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static int is_page_size(Py_ssize_t size)
{
    return size >= MIN_PAGE && size <= MAX_PAGE && !(size & (size - 1));
}

/* The pages that a value takes with the header of the first one. */
static int64_t pages_of(int64_t length, Py_ssize_t page_size)
{
    return (length + HEAD + page_size - 1) / page_size;
}

/* Has the system map a page, and those around it: a page fault ends all that the processor has begun,
   so faults come first, and then the heads of many pages can be read at a time. */
static void map_page(Leaves *leaves, int64_t page)
{
    int64_t offset = page * leaves->page_size;
    if (offset / WINDOW != leaves->window)
        (void)*(const volatile unsigned char *)(leaves->data + offset);
    leaves->window = offset / WINDOW;
}

/* Reads the entry at `start` of a page; returns its size, or 0 unless it is on the page and has one
   value. A value on overflow pages has the negative number of the first of them as its offset, until
   that page is read. */
static Py_ssize_t read_entry(Leaves *leaves, int64_t page, Py_ssize_t start, Py_ssize_t row)
{
    Py_ssize_t size = leaves->page_size;
    int64_t origin = page * size;
    if (start < HEAD || start > size - NODE)
        return 0;
    const unsigned char *node = leaves->data + origin + start;
    int64_t length = (int64_t)load_little(node, 4);
    unsigned flags = (unsigned)load_little(node + 4, 2);
    Py_ssize_t key = (Py_ssize_t)load_little(node + 6, 2), at = start + NODE + key;
    int64_t stored = flags & BIG_DATA ? 8 : length, offset = origin + at;
    if (flags & (SUB_DATA | DUP_DATA) || at > size || stored > size - at)
        return 0;
    if (flags & BIG_DATA) {
        uint64_t first = load_little(node + NODE + key, 8);
        int64_t needed = pages_of(length, size);
        if (needed > leaves->page_count || first > (uint64_t)(leaves->page_count - needed) ||
            !first || !length || (int64_t)first == page)
            return 0;
        offset = -(int64_t)first;
        map_page(leaves, (int64_t)first);
    }
    store_int(leaves->columns[KEY_OFFSETS], row, origin + start + NODE);
    store_int(leaves->columns[KEY_LENGTHS], row, key);
    store_int(leaves->columns[OFFSETS], row, offset);
    store_int(leaves->columns[LENGTHS], row, length);
    return (Py_ssize_t)(NODE + key + stored);
}

/* Whether the value of `row` is on intact overflow pages; its offset becomes that of the value. */
static int find_value(const Leaves *leaves, Py_ssize_t row)
{
    int64_t offset = load_int(leaves->columns[OFFSETS], row);
    int64_t length = load_int(leaves->columns[LENGTHS], row);
    if (offset >= 0)
        return 1; /* it is on the leaf page */
    /* The columns are in memory of the caller's, who may have changed them. */
    if (offset < -leaves->page_count || length < 0 || length > UINT32_MAX)
        return 0;
    int64_t first = -offset, needed = pages_of(length, leaves->page_size);
    if (first > leaves->page_count - needed)
        return 0;
    const unsigned char *head = leaves->data + first * leaves->page_size;
    store_int(leaves->columns[OFFSETS], row, first * leaves->page_size + HEAD);
    return load_little(head, 8) == (uint64_t)first && load_little(head + 10, 2) & OVERFLOW &&
           (int64_t)load_little(head + 12, 4) >= needed;
}

/* Reads the entries of a page to `row` and after it; returns their number, or -1 if the page is
   damaged, has entries of another kind, or more than fit. */
static Py_ssize_t read_page(Leaves *leaves, int64_t page, Py_ssize_t row)
{
    if (page < 0 || page >= leaves->page_count)
        return -1;
    Py_ssize_t size = leaves->page_size, used = 0;
    const unsigned char *head = leaves->data + page * size;
    Py_ssize_t lower = (Py_ssize_t)load_little(head + 12, 2);
    Py_ssize_t upper = (Py_ssize_t)load_little(head + 14, 2);
    if (load_little(head, 8) != (uint64_t)page || !(load_little(head + 10, 2) & LEAF) ||
        lower < HEAD || lower > upper || upper > size || lower % 2)
        return -1;
    Py_ssize_t count = (lower - HEAD) / 2;
    if (count > leaves->capacity - row)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t start = (Py_ssize_t)load_little(head + HEAD + 2 * i, 2);
        Py_ssize_t bytes = read_entry(leaves, page, start, row + i);
        if (!bytes)
            return -1;
        used += bytes + bytes % 2;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!find_value(leaves, row + i))
            return -1;
    return used == size - upper ? count : -1;
}

/* Reads all pages; returns the number of entries, or -1 if a page cannot be read here. */
static Py_ssize_t read_pages(Leaves *leaves, const Py_buffer *b)
{
    Py_ssize_t count = b[PAGES].len / 8, row = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        int64_t next = load_int(b[PAGES].buf, i + 1 < count ? i + 1 : i);
        if (next >= 0 && next < leaves->page_count)
            __builtin_prefetch(leaves->data + next * leaves->page_size);
        Py_ssize_t entries = read_page(leaves, load_int(b[PAGES].buf, i), row);
        if (entries < 0)
            return -1;
        store_int(b[COUNTS].buf, i, entries);
        row += entries;
    }
    return row;
}

static PyObject *locate_entries(PyObject *self, PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    Leaves leaves;
    Py_ssize_t found = -1;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&O&O&O&", take_octets, b + DATA, take_ints, b + PAGES,
                          take_count, &leaves.page_size, take_count, &leaves.page_count,
                          take_columns_out, b + COLUMNS, take_ints_out, b + COUNTS))
        return NULL;
    if (!is_page_size(leaves.page_size))
        PyErr_SetString(PyExc_ValueError, PAGE_SIZE);
    else if (leaves.page_count < 0 || leaves.page_count > b[DATA].len / leaves.page_size)
        PyErr_SetString(PyExc_ValueError, "there are fewer pages than that");
    else if (b[COLUMNS].shape[0] != ALL_COLUMNS || b[COUNTS].len != b[PAGES].len)
        PyErr_SetString(PyExc_ValueError, "an output has the wrong shape");
    else if (outputs_are_apart(b, BUFFERS, COLUMNS)) {
        leaves.data = b[DATA].buf;
        leaves.window = -1;
        leaves.capacity = b[COLUMNS].shape[1];
        for (int i = 0; i < ALL_COLUMNS; i++)
            leaves.columns[i] = (char *)b[COLUMNS].buf + 8 * i * leaves.capacity;
        Py_BEGIN_ALLOW_THREADS
        found = read_pages(&leaves, b);
        if (found < 0) {
            memset(b[COLUMNS].buf, 0, (size_t)b[COLUMNS].len);
            memset(b[COUNTS].buf, 0, (size_t)b[COUNTS].len);
        }
        Py_END_ALLOW_THREADS
    }
    release(b, BUFFERS);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(found);
}

enum { KEY_AT, VALUE_AT, SIZES, USED, CLAIM_BUFFERS };

/* The first page of the value of a row, and how many it takes; none if it is on the page of its key.
   Returns 0 if a number is outside of its range. */
static int find_run(const Py_buffer *b, Py_ssize_t row, Py_ssize_t size, int64_t *first,
                    int64_t *needed)
{
    int64_t key = load_int(b[KEY_AT].buf, row), at = load_int(b[VALUE_AT].buf, row);
    int64_t length = load_int(b[SIZES].buf, row);
    *first = *needed = 0;
    if (key < 0 || at < 0 || length < 0)
        return 0;
    /* All page sizes are powers of two: two offsets are on one page if they differ below it only. */
    if (!length || (key ^ at) < size)
        return 1;
    *first = at / size;
    if (*first > b[USED].len || length > (int64_t)b[USED].len * size)
        return 0;
    *needed = pages_of(length, size);
    return *needed <= b[USED].len - *first;
}

/* Frees the pages that the first rows have claimed. */
static void free_runs_before(const Py_buffer *b, Py_ssize_t end, Py_ssize_t size, char *used)
{
    for (Py_ssize_t row = 0; row < end; row++) {
        int64_t first, needed;
        if (find_run(b, row, size, &first, &needed))
            memset(used + first, 0, (size_t)needed);
    }
}

static int are_inside(const Py_buffer *b, Py_ssize_t count, Py_ssize_t size)
{
    int64_t first, needed;
    for (Py_ssize_t row = 0; row < count; row++)
        if (!find_run(b, row, size, &first, &needed))
            return 0;
    return 1;
}

/* Claims pages for all rows; if one is used already, frees them again and returns 0. */
static int claim_all(const Py_buffer *b, Py_ssize_t count, Py_ssize_t size, char *used)
{
    for (Py_ssize_t row = 0; row < count; row++) {
        int64_t first, needed, i = 0;
        if (!find_run(b, row, size, &first, &needed))
            needed = 0; /* changed since it was checked */
        while (i < needed && !used[first + i])
            used[first + i++] = 1;
        if (i == needed)
            continue;
        memset(used + first, 0, (size_t)i);
        free_runs_before(b, row, size, used);
        return 0;
    }
    return 1;
}

static PyObject *claim_pages(PyObject *self, PyObject *arguments)
{
    Py_buffer b[CLAIM_BUFFERS];
    Py_ssize_t size;
    int claimed = 0;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&O&O&", take_ints, b + KEY_AT, take_ints, b + VALUE_AT,
                          take_ints, b + SIZES, take_count, &size, take_octets_out, b + USED))
        return NULL;
    Py_ssize_t count = b[KEY_AT].len / 8;
    if (!is_page_size(size))
        PyErr_SetString(PyExc_ValueError, PAGE_SIZE);
    else if (b[VALUE_AT].len != b[KEY_AT].len || b[SIZES].len != b[KEY_AT].len)
        PyErr_SetString(PyExc_ValueError, "a column has another length than the keys");
    else if (!are_inside(b, count, size))
        PyErr_SetString(PyExc_ValueError, "a value is outside of the pages");
    else if (outputs_are_apart(b, CLAIM_BUFFERS, USED))
        claimed = claim_all(b, count, size, b[USED].buf);
    release(b, CLAIM_BUFFERS);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(claimed);
}

static PyMethodDef methods[] = {
    {"locate_entries", locate_entries, METH_VARARGS, NULL},
    {"claim_pages", claim_pages, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "leaves", NULL, 0, methods,
                                        NULL,                  NULL,     NULL, NULL};

PyMODINIT_FUNC PyInit_leaves(void)
{
    return PyModuleDef_Init(&definition);
}
