/* The inner loops: one pass over the values of each record, and related copies and sums.

   Every function returns the same bits as the function of the same name in fallback.py, which
   documents it. Nothing here allocates more than a row (mark_repeated: than its table), keeps state,
   or trusts an offset. */

#include "rows.h"

CONVERTER(take_octets, OCTETS, 1, 0)
CONVERTER(take_offsets, INTS, 1, 0)
CONVERTER(take_doubles, DOUBLES, 1, 0)
CONVERTER(take_values, VALUES, 1, 0)
CONVERTER(take_values_out, VALUES, 1, WRITABLE)
CONVERTER(take_doubles_out, DOUBLES, 1, WRITABLE)
CONVERTER(take_unsigned_out, UNSIGNED, 1, WRITABLE)
CONVERTER(take_octets_out, OCTETS, 1, WRITABLE)
CONVERTER(take_rows_out, OCTETS, 2, WRITABLE)
CONVERTER(take_limbs_out, INTS, 1, WRITABLE)
CONVERTER(take_numbers, UNSIGNED, 1, 0)

static const char *const OUTSIDE = "a row is outside of its buffer";

enum { SOURCE, OFFSETS, LOW, HIGH, TOTALS, SQUARES, MIXED, SOUND, BUFFERS };

/* Whether rows fit into the source and all columns are long enough; else sets an error. */
static int columns_fit(const Py_buffer *b, char type, Py_ssize_t width, Py_ssize_t stride)
{
    Py_ssize_t count = b[OFFSETS].len / 8;
    if (item_type(b + LOW) != type || item_type(b + HIGH) != type) {
        PyErr_SetString(PyExc_TypeError, "lows and highs have another type than the values");
        return 0;
    }
    if (count && (width < 1 || width > b[SOURCE].len / stride)) {
        PyErr_SetString(PyExc_ValueError, OUTSIDE);
        return 0;
    }
    for (int column = LOW; column < BUFFERS; column++)
        if (b[column].len / b[column].itemsize < count) {
            PyErr_SetString(PyExc_ValueError, "a column has fewer items than there are rows");
            return 0;
        }
    return outputs_are_apart(b, BUFFERS, LOW);
}

/* Measures all rows; returns how many, fewer than there are if one is outside of the source. */
static Py_ssize_t measure_rows(const Py_buffer *b, int kind, Py_ssize_t width, void *scratch)
{
    Py_ssize_t count = b[OFFSETS].len / 8, last = b[SOURCE].len - width * stride_of(kind), i = 0;
    const unsigned char *source = b[SOURCE].buf, *offsets = b[OFFSETS].buf;
    for (; i < count; i++) {
        int64_t at = load_int(offsets, i);
        if (at < 0 || at > last)
            break;
        ((unsigned char *)b[SOUND].buf)[i] =
            (unsigned char)measure_row(source + at, kind, width, scratch, b + LOW, i);
    }
    return i;
}

static PyObject *compute_stats(PyObject *self, PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    int kind;
    Py_ssize_t width;
    void *scratch = NULL;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&CO&O&O&O&O&O&O&", take_octets, b + SOURCE, take_offsets,
                          b + OFFSETS, &kind, take_count, &width, take_values_out, b + LOW,
                          take_values_out, b + HIGH, take_doubles_out, b + TOTALS,
                          take_doubles_out, b + SQUARES, take_unsigned_out, b + MIXED,
                          take_octets_out, b + SOUND))
        return NULL;
    Py_ssize_t count = b[OFFSETS].len / 8, done = 0;
    if (kind < 1 || kind > 127 || !strchr("Bbfdt", kind)) {
        PyErr_SetString(PyExc_ValueError, "values of an unknown kind");
        goto finish;
    }
    char type = type_of(kind);
    if (!columns_fit(b, type, width, stride_of(kind)) || !count)
        goto finish;
    /* Rows that are not aligned or contain tags are copied first. */
    scratch = PyMem_Malloc((size_t)(width * item_bytes(type)));
    if (!scratch) {
        PyErr_NoMemory();
        goto finish;
    }
    Py_BEGIN_ALLOW_THREADS
    done = measure_rows(b, kind, width, scratch);
    Py_END_ALLOW_THREADS
    if (done < count)
        PyErr_SetString(PyExc_ValueError, OUTSIDE);
finish:
    PyMem_Free(scratch);
    release(b, BUFFERS);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

#define LIMBS 68
#define LOW_HALF 0xFFFFFFFFu

/* Adds a digit, or subtracts it if 'sign' is all ones; limbs wrap as NumPy's integers do. */
static void add_to_limb(void *limbs, Py_ssize_t i, uint64_t digit, uint64_t sign)
{
    store_int(limbs, i, (int64_t)((uint64_t)load_int(limbs, i) + ((digit ^ sign) - sign)));
}

/* Adds values to 32-bit limbs, the first of unit 2**-1074; returns whether all are finite. */
static PyObject *add_exactly(PyObject *self, PyObject *arguments)
{
    Py_buffer b[2];
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&", take_doubles, b, take_limbs_out, b + 1))
        return NULL;
    int finite = 1;
    if (b[1].len < LIMBS * 8)
        PyErr_SetString(PyExc_ValueError, "a sum needs 68 limbs");
    else if (outputs_are_apart(b, 2, 1)) {
        const void *values = b[0].buf;
        void *limbs = b[1].buf;
        for (Py_ssize_t i = 0, count = b[0].len / 8; i < count; i++) {
            uint64_t bits = (uint64_t)load_int(values, i);
            uint64_t exponent = bits >> 52 & 0x7FF, sign = 0 - (bits >> 63);
            uint64_t mantissa = bits & 0xFFFFFFFFFFFFF;
            finite &= exponent != 0x7FF;
            if (exponent) {
                mantissa |= (uint64_t)1 << 52;
                exponent--;
            }
            uint64_t low = (mantissa & LOW_HALF) << (exponent & 31);
            uint64_t high = (mantissa >> 32) << (exponent & 31);
            Py_ssize_t limb = (Py_ssize_t)(exponent >> 5);
            add_to_limb(limbs, limb, low & LOW_HALF, sign);
            add_to_limb(limbs, limb + 1, (low >> 32) + (high & LOW_HALF), sign);
            add_to_limb(limbs, limb + 2, high >> 32, sign);
        }
    }
    release(b, 2);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(finite);
}

/* Copies `width` bytes at each offset to consecutive rows of `out`. */
static PyObject *gather(PyObject *self, PyObject *arguments)
{
    enum { FROM, AT, OUT, ALL };
    Py_buffer b[ALL];
    Py_ssize_t width;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&O&", take_octets, b + FROM, take_offsets, b + AT,
                          take_count, &width, take_rows_out, b + OUT))
        return NULL;
    Py_ssize_t count = b[AT].len / 8, i = 0;
    const unsigned char *from = b[FROM].buf, *offsets = b[AT].buf;
    unsigned char *to = b[OUT].buf;
    if (b[OUT].shape[0] != count || b[OUT].shape[1] != width)
        PyErr_SetString(PyExc_ValueError, "the output has another shape than the rows");
    else if (outputs_are_apart(b, ALL, OUT)) {
        Py_ssize_t last = b[FROM].len - width;
        for (; i < count; i++, to += width) {
            int64_t at = load_int(offsets, i);
            if (at < 0 || at > last)
                break;
            memcpy(to, from + at, (size_t)width);
        }
        if (i < count)
            PyErr_SetString(PyExc_ValueError, OUTSIDE);
    }
    release(b, ALL);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* The bytes of a value as a word: 1 for NaN, and 0 for -0.0. */
static inline uint64_t load_bound(const char *column, char type, Py_ssize_t i)
{
    uint64_t word = 0;
    double wide;
    float narrow;
    switch (type) {
    case 'f':
        memcpy(&narrow, column + 4 * i, 4);
        narrow = narrow != narrow ? 1 : narrow + 0;
        memcpy(&word, &narrow, 4);
        break;
    case 'd':
        memcpy(&wide, column + 8 * i, 8);
        wide = wide != wide ? 1 : wide + 0;
        memcpy(&word, &wide, 8);
        break;
    default: memcpy(&word, column + i, 1);
    }
    return word;
}

enum { WORDS_MIXED, LEAST, MOST, FINISHED, FINISH_BUFFERS };

static inline void finish_all(const Py_buffer *b, char type, uint64_t type_hash)
{
    uint64_t factors[2], factor = FACTOR;
    for (int i = 1; i <= WORDS; i++)
        factor *= FACTOR;
    factors[0] = factor;
    factors[1] = factor * FACTOR;
    for (Py_ssize_t i = 0, count = b[WORDS_MIXED].len / 8; i < count; i++) {
        uint64_t low = load_bound(b[LEAST].buf, type, i), high = load_bound(b[MOST].buf, type, i);
        uint64_t mixed = (uint64_t)load_int(b[WORDS_MIXED].buf, i);
        mixed += (low ^ low >> SHIFT) * factors[0] + (high ^ high >> SHIFT) * factors[1];
        mixed = ((mixed ^ mixed >> SHIFT) + type_hash) * FACTOR;
        store_int(b[FINISHED].buf, i, (int64_t)(mixed ? mixed : 1));
    }
}

/* Adds the range of each record, and a hash of its type, to the hash of its words. */
static PyObject *finish_fingerprints(PyObject *self, PyObject *arguments)
{
    Py_buffer b[FINISH_BUFFERS];
    Py_ssize_t type_hash;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&O&O&", take_numbers, b + WORDS_MIXED, take_values,
                          b + LEAST, take_values, b + MOST, take_count, &type_hash,
                          take_unsigned_out, b + FINISHED))
        return NULL;
    Py_ssize_t count = b[WORDS_MIXED].len / 8;
    char type = item_type(b + LEAST);
    if (item_type(b + MOST) != type)
        PyErr_SetString(PyExc_TypeError, "lows and highs are of two types");
    else if (b[LEAST].len / item_bytes(type) != count || b[MOST].len != b[LEAST].len ||
             b[FINISHED].len / 8 != count)
        PyErr_SetString(PyExc_ValueError, "a column has another length than the hashes");
    else if (outputs_are_apart(b, FINISH_BUFFERS, FINISHED)) {
        /* Each is a loop of its own, without a switch. */
        switch (type) {
        case 'f': finish_all(b, 'f', (uint64_t)type_hash); break;
        case 'd': finish_all(b, 'd', (uint64_t)type_hash); break;
        default: finish_all(b, 'B', (uint64_t)type_hash);
        }
    }
    release(b, FINISH_BUFFERS);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

#define AHEAD 16 /* entries of a table are fetched this many numbers before they are used */

/* Marks in `out` the numbers whose low bits occur twice, with tables of one bit for each value. */
static void mark_numbers(const void *numbers, Py_ssize_t count, uint64_t mask,
                         unsigned char *once, unsigned char *twice, unsigned char *out)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t place = (uint64_t)load_int(numbers, i) & mask;
        unsigned char bit = (unsigned char)(1 << (place & 7));
        if (i + AHEAD < count)
            __builtin_prefetch(once + (((uint64_t)load_int(numbers, i + AHEAD) & mask) >> 3), 1);
        if (once[place >> 3] & bit)
            twice[place >> 3] |= bit;
        once[place >> 3] |= bit;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t place = (uint64_t)load_int(numbers, i) & mask;
        if (i + AHEAD < count)
            __builtin_prefetch(twice + (((uint64_t)load_int(numbers, i + AHEAD) & mask) >> 3));
        out[i] = twice[place >> 3] >> (place & 7) & 1;
    }
}

static PyObject *mark_repeated(PyObject *self, PyObject *arguments)
{
    Py_buffer b[2];
    Py_ssize_t bits;
    unsigned char *table = NULL;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&", take_numbers, b, take_count, &bits,
                          take_octets_out, b + 1))
        return NULL;
    Py_ssize_t count = b[0].len / 8;
    if (bits < 3 || bits > 36)
        PyErr_SetString(PyExc_ValueError, "a table has 3 to 36 bits");
    else if (b[1].len != count)
        PyErr_SetString(PyExc_ValueError, "the output has the wrong length");
    else if (outputs_are_apart(b, 2, 1)) {
        size_t size = (size_t)1 << (bits - 3);
        table = PyMem_Calloc(2, size);
        if (table) {
            Py_BEGIN_ALLOW_THREADS
            mark_numbers(b[0].buf, count, 8 * (uint64_t)size - 1, table, table + size, b[1].buf);
            Py_END_ALLOW_THREADS
        } else
            PyErr_NoMemory();
    }
    PyMem_Free(table);
    release(b, 2);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* Puts byte i of each plane into element i, for elements of a size that the compiler knows. */
static inline void join_elements(const unsigned char *planes, Py_ssize_t count, int size,
                                 unsigned char *out)
{
    for (Py_ssize_t i = 0; i < count; i++)
        for (int j = 0; j < size; j++)
            out[i * size + j] = planes[j * count + i];
}

/* The same for any size, for a few elements at a time, so that they stay in the cache. */
static void join_any(const unsigned char *planes, Py_ssize_t count, Py_ssize_t size,
                     unsigned char *out)
{
    Py_ssize_t step = 1 + 4096 / size;
    for (Py_ssize_t first = 0; first < count; first += step) {
        Py_ssize_t end = count - first < step ? count : first + step;
        for (Py_ssize_t j = 0; j < size; j++)
            for (Py_ssize_t i = first; i < end; i++)
                out[i * size + j] = planes[j * count + i];
    }
}

static PyObject *unshuffle(PyObject *self, PyObject *arguments)
{
    Py_buffer b[2];
    Py_ssize_t size;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&", take_octets, b, take_count, &size, take_octets_out,
                          b + 1))
        return NULL;
    const unsigned char *planes = b[0].buf;
    unsigned char *out = b[1].buf;
    if (size < 1 || b[0].len % size)
        PyErr_SetString(PyExc_ValueError, "not a whole number of elements");
    else if (b[1].len != b[0].len)
        PyErr_SetString(PyExc_ValueError, "the output has the wrong length");
    else if (outputs_are_apart(b, 2, 1)) {
        Py_ssize_t count = b[0].len / size;
        Py_BEGIN_ALLOW_THREADS
        if (size == 2)
            join_elements(planes, count, 2, out);
        else if (size == 4)
            join_elements(planes, count, 4, out);
        else if (size == 8)
            join_elements(planes, count, 8, out);
        else
            join_any(planes, count, size, out);
        Py_END_ALLOW_THREADS
    }
    release(b, 2);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"unshuffle", unshuffle, METH_VARARGS, NULL},
    {"mark_repeated", mark_repeated, METH_VARARGS, NULL},
    {"finish_fingerprints", finish_fingerprints, METH_VARARGS, NULL},
    {"compute_stats", compute_stats, METH_VARARGS, NULL},
    {"add_exactly", add_exactly, METH_VARARGS, NULL},
    {"gather", gather, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "kernels", NULL, 0, methods,
                                        NULL,                  NULL,      NULL, NULL};

PyMODINIT_FUNC PyInit_kernels(void)
{
    choose_rows();
    return PyModuleDef_Init(&definition);
}
