/* Records that share a template, and the numbers in their keys: what record_loops.py does, in one pass.

   Records may be in a file that another process changes: what decides how many bytes are read comes
   from the caller's template alone, never from the records. */

#include "rows.h"

CONVERTER(take_octets, OCTETS, 1, 0)
CONVERTER(take_ints, INTS, 1, 0)
CONVERTER(take_pairs, INTS, 2, 0)
CONVERTER(take_values_out, VALUES, 1, WRITABLE)
CONVERTER(take_doubles_out, DOUBLES, 1, WRITABLE)
CONVERTER(take_unsigned_out, UNSIGNED, 1, WRITABLE)
CONVERTER(take_octets_out, OCTETS, 1, WRITABLE)
CONVERTER(take_ints_out, INTS, 1, WRITABLE)

#define LABEL_BYTES 10 /* of the longest varint */
#define AHEAD 2        /* records are fetched this many before they are read */
#define LINE 64        /* bytes that a processor fetches at once */
#define HEAD 128       /* bytes of a record that may tell that it does not match */
#define MAX_FETCHED 16384

static const char *const OUTSIDE = "a record is outside of its buffer";

enum {
    SOURCE,
    OFFSETS,
    PLACES,
    LITERALS,
    LABELS,
    MATCHES,
    LOW,
    HIGH,
    TOTALS,
    SQUARES,
    MIXED,
    BUFFERS
};

/* What all records share, and the places at which they differ. */
typedef struct {
    Py_ssize_t length, label_at, label_bytes, payload_at, width;
    int kind;
} Template;

/* Whether offset and size name bytes of a record. */
static int is_part(int64_t offset, int64_t size, Py_ssize_t length)
{
    return offset >= 0 && size >= 0 && offset <= length && size <= length - offset;
}

static int literals_fit(const Py_buffer *b, Py_ssize_t length)
{
    Py_ssize_t left = b[LITERALS].len;
    if (b[PLACES].shape[1] != 2)
        return 0;
    for (Py_ssize_t i = 0; i < b[PLACES].shape[0]; i++) {
        int64_t offset = load_int(b[PLACES].buf, 2 * i), size = load_int(b[PLACES].buf, 2 * i + 1);
        if (!is_part(offset, size, length) || size > left)
            return 0;
        left -= size;
    }
    return !left;
}

static int template_fits(const Py_buffer *b, const Template *t)
{
    return t->length >= 0 && t->label_bytes <= LABEL_BYTES && t->width >= 0 &&
           is_part(t->label_at, t->label_bytes, t->length) &&
           is_part(t->payload_at, 0, t->length) &&
           t->width <= (t->length - t->payload_at) / stride_of(t->kind) &&
           literals_fit(b, t->length);
}

/* Whether a call can be made; else sets an error. */
static int arguments_fit(const Py_buffer *b, const Template *t)
{
    Py_ssize_t count = b[OFFSETS].len / 8;
    if (t->kind < 1 || t->kind > 127 || !strchr("Bbfdt", t->kind)) {
        PyErr_SetString(PyExc_ValueError, "values of an unknown kind");
        return 0;
    }
    if (item_type(b + LOW) != type_of(t->kind) || item_type(b + HIGH) != type_of(t->kind)) {
        PyErr_SetString(PyExc_TypeError, "lows and highs have another type than the values");
        return 0;
    }
    for (int column = LABELS; column < BUFFERS; column++)
        if (b[column].len / b[column].itemsize < count) {
            PyErr_SetString(PyExc_ValueError, "a column has fewer items than there are rows");
            return 0;
        }
    if (!template_fits(b, t)) {
        PyErr_SetString(PyExc_ValueError, "a template does not fit its records");
        return 0;
    }
    return outputs_are_apart(b, BUFFERS, LABELS);
}

/* Whether a record has all bytes that its template states. Places may change meanwhile, and are
   checked again. */
static int has_literals(const Py_buffer *b, const unsigned char *record, Py_ssize_t length)
{
    const unsigned char *literal = b[LITERALS].buf;
    Py_ssize_t left = b[LITERALS].len;
    for (Py_ssize_t i = 0; i < b[PLACES].shape[0]; i++) {
        int64_t offset = load_int(b[PLACES].buf, 2 * i), size = load_int(b[PLACES].buf, 2 * i + 1);
        if (!is_part(offset, size, length) || size > left ||
            (size && memcmp(record + offset, literal, (size_t)size)))
            return 0;
        literal += size;
        left -= size;
    }
    return 1;
}

/* Reads a varint that has exactly `count` bytes, its low 32 bits; returns whether it has. */
static int read_label(const unsigned char *at, Py_ssize_t count, int32_t *label)
{
    uint64_t total = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        unsigned char octet = at[i];
        if ((octet < 0x80) != (i == count - 1))
            return 0;
        total |= (uint64_t)(octet & 0x7F) << 7 * i;
    }
    uint32_t low = (uint32_t)total;
    memcpy(label, &low, 4);
    return 1;
}

/* Fetches `count` bytes of a record, and its end. Processors only fetch ahead by themselves within a
   page, and many records begin on a page of their own. */
static void fetch(const unsigned char *record, Py_ssize_t length, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < length && i < count; i += LINE)
        __builtin_prefetch(record + i);
    if (length)
        __builtin_prefetch(record + length - 1);
}

/* Measures all records; returns how many, fewer than there are if one is outside of the source. */
static Py_ssize_t measure_all(const Py_buffer *b, const Template *t, void *scratch)
{
    Py_ssize_t count = b[OFFSETS].len / 8, last = b[SOURCE].len - t->length, i = 0;
    const unsigned char *source = b[SOURCE].buf, *offsets = b[OFFSETS].buf;
    int matches = 0;
    for (; i < count; i++) {
        int64_t at = load_int(offsets, i);
        int64_t next = load_int(offsets, i + AHEAD < count ? i + AHEAD : i);
        int32_t label = 0;
        if (at < 0 || at > last)
            break;
        if (next >= 0 && next <= last)
            fetch(source + next, t->length, matches && t->width ? MAX_FETCHED : HEAD);
        const unsigned char *record = source + at;
        matches = has_literals(b, record, t->length) &&
                      read_label(record + t->label_at, t->label_bytes, &label);
        if (matches && t->width)
            matches = measure_row(record + t->payload_at, t->kind, t->width, scratch, b + LOW, i);
        if (!matches)
            label = 0;
        if (!matches || !t->width)
            clear_row(t->kind, b + LOW, i);
        store_int(b[LABELS].buf, i, label);
        ((unsigned char *)b[MATCHES].buf)[i] = (unsigned char)matches;
    }
    return i;
}

static PyObject *measure_records(PyObject *self, PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    Template t;
    void *scratch = NULL;
    (void)self;
    if (!PyArg_ParseTuple(
            arguments, "O&O&O&O&O&O&O&O&CO&O&O&O&O&O&O&O&", take_octets, b + SOURCE, take_ints,
            b + OFFSETS, take_count, &t.length, take_pairs, b + PLACES, take_octets, b + LITERALS,
            take_count, &t.label_at, take_count, &t.label_bytes, take_count, &t.payload_at,
            &t.kind, take_count, &t.width, take_ints_out, b + LABELS, take_octets_out,
            b + MATCHES, take_values_out, b + LOW, take_values_out, b + HIGH, take_doubles_out,
            b + TOTALS, take_doubles_out, b + SQUARES, take_unsigned_out, b + MIXED))
        return NULL;
    Py_ssize_t count = b[OFFSETS].len / 8, done = count;
    if (arguments_fit(b, &t)) {
        /* Values that are not aligned or have tags are copied first. */
        scratch = PyMem_Malloc((size_t)(t.width * item_of(t.kind)) + 1);
        if (scratch) {
            Py_BEGIN_ALLOW_THREADS
            done = measure_all(b, &t, scratch);
            Py_END_ALLOW_THREADS
        } else
            PyErr_NoMemory();
        if (done < count)
            PyErr_SetString(PyExc_ValueError, OUTSIDE);
    }
    PyMem_Free(scratch);
    release(b, BUFFERS);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

#define MAX_DIGITS 18 /* numbers of more digits do not fit in 64 bits with a sign */

/* The number after a prefix; -1 without one, or if it has too many digits. */
static int64_t number_after(const unsigned char *key, Py_ssize_t length, const Py_buffer *prefix)
{
    int64_t number = 0;
    Py_ssize_t first = prefix->len, i = first;
    if (length <= first || (first && memcmp(key, prefix->buf, (size_t)first)))
        return -1;
    for (; i < length && i <= first + MAX_DIGITS; i++) {
        unsigned char digit = (unsigned char)(key[i] - '0');
        if (digit > 9)
            break;
        if (i == first + MAX_DIGITS)
            return -1;
        number = 10 * number + digit;
    }
    return i > first ? number : -1;
}

static PyObject *key_numbers(PyObject *self, PyObject *arguments)
{
    enum { FROM, AT, LENGTHS, PREFIX, NUMBERS, ALL };
    Py_buffer b[ALL];
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&O&O&", take_octets, b + FROM, take_ints, b + AT,
                          take_ints, b + LENGTHS, take_octets, b + PREFIX, take_ints_out,
                          b + NUMBERS))
        return NULL;
    Py_ssize_t count = b[AT].len / 8, i = 0;
    if (b[LENGTHS].len / 8 != count || b[NUMBERS].len / 8 != count)
        PyErr_SetString(PyExc_ValueError, "a column has another length than the keys");
    else if (outputs_are_apart(b, ALL, NUMBERS)) {
        for (; i < count; i++) {
            int64_t at = load_int(b[AT].buf, i), length = load_int(b[LENGTHS].buf, i);
            if (!is_part(at, length, b[FROM].len))
                break;
            const unsigned char *key = (const unsigned char *)b[FROM].buf + at;
            store_int(b[NUMBERS].buf, i, number_after(key, (Py_ssize_t)length, b + PREFIX));
        }
        if (i < count)
            PyErr_SetString(PyExc_ValueError, OUTSIDE);
    }
    release(b, ALL);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"measure_records", measure_records, METH_VARARGS, NULL},
    {"key_numbers", key_numbers, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "records", NULL, 0, methods,
                                        NULL,                  NULL,      NULL, NULL};

PyMODINIT_FUNC PyInit_records(void)
{
    choose_rows();
    return PyModuleDef_Init(&definition);
}
