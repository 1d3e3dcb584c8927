/* The inner loops: one pass over the values of each record, and related copies and sums.

   Every function returns the same bits as the function of the same name in fallback.py, which
   documents it. Nothing here allocates more than a row (mark_repeated: than its table), keeps state,
   or trusts an offset. */

#include "arguments.h"

#include <stdlib.h>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_CPU __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_CPU
#endif

#define LANES 16
#define WORDS 8
#define SHIFT 29
#define FACTOR 0x9E3779B97F4A7C15u
#define SEGMENT 65536 /* the squares of this many 8-bit values fit into 32 bits */
#define FLOAT_TAG 0x35
#define FLOAT_STRIDE 5

typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t FloatMask __attribute__((vector_size(32)));
typedef float FewFloats __attribute__((vector_size(16), aligned(4), may_alias));
typedef double Doubles __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t DoubleMask __attribute__((vector_size(32)));

#define PICK(Mask, m, a, b) (((m) & (Mask)(a)) | (~(m) & (Mask)(b)))

/* Reduces sixteen sums to one by halving: 0 with 8, then 0 with 4, ... as fallback.py does. */
static double sum_lanes(const double *lanes)
{
    double left[LANES];
    memcpy(left, lanes, sizeof left);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++)
            left[i] += left[i + width];
    return left[0];
}

typedef struct {
    double low, high, total, square;
} Figures;

#define FLOAT_ROW(NAME, TYPE)                                                     \
    static void NAME##_ends(const TYPE *row, Py_ssize_t width, TYPE *lows,        \
                            TYPE *highs, double *totals, double *squares,         \
                            Figures *found)                                       \
    {                                                                             \
        Py_ssize_t rest = width % LANES;                                          \
        for (Py_ssize_t i = 0; i < rest; i++) {                                   \
            TYPE x = row[width - rest + i];                                       \
            if (x < lows[i]) lows[i] = x;                                         \
            if (x > highs[i]) highs[i] = x;                                       \
            totals[i] += (double)x;                                               \
            squares[i] += (double)x * (double)x;                                  \
        }                                                                         \
        TYPE low = lows[0], high = highs[0];                                      \
        for (int i = 1; i < LANES; i++) {                                         \
            if (lows[i] < low) low = lows[i];                                     \
            if (highs[i] > high) high = highs[i];                                 \
        }                                                                         \
        found->low = low;                                                         \
        found->high = high;                                                       \
        found->total = sum_lanes(totals);                                         \
        found->square = sum_lanes(squares);                                       \
        if (found->total != found->total) /* a NaN, or Inf and -Inf */            \
            for (Py_ssize_t i = 0; i < width; i++)                                \
                if (row[i] != row[i]) {                                           \
                    found->low = found->high = (double)row[i];                    \
                    break;                                                        \
                }                                                                 \
    }

FLOAT_ROW(float_row, float)
FLOAT_ROW(double_row, double)

/* Rows shorter than the lanes, most of which stay zero: adding those changes nothing, so only as
   many are reduced as hold values. `LANES` bounds the loops for the compiler. */
#define NARROW_ROW(NAME, TYPE)                                                    \
    static void NAME(const TYPE *row, Py_ssize_t width, Figures *found)           \
    {                                                                             \
        double totals[LANES], squares[LANES];                                     \
        TYPE low = (TYPE)__builtin_inf(), high = (TYPE)-__builtin_inf();          \
        int count = (int)width, half = 1;                                         \
        for (int i = 0; i < count; i++) {                                         \
            TYPE x = row[i];                                                      \
            low = x < low ? x : low;                                              \
            high = x > high ? x : high;                                           \
            totals[i] = 0 + (double)x;                                            \
            squares[i] = (double)x * (double)x;                                   \
        }                                                                         \
        while (2 * half < count)                                                  \
            half *= 2;                                                            \
        for (; half; half /= 2) {                                                 \
            for (int i = 0; i + half < count; i++) {                              \
                totals[i] += totals[i + half];                                    \
                squares[i] += squares[i + half];                                  \
            }                                                                     \
            count = half;                                                         \
        }                                                                         \
        *found = (Figures){low, high, totals[0], squares[0]};                     \
        if (totals[0] != totals[0])                                               \
            for (Py_ssize_t i = 0; i < width; i++)                                \
                if (row[i] != row[i]) {                                           \
                    found->low = found->high = (double)row[i];                    \
                    break;                                                        \
                }                                                                 \
    }

NARROW_ROW(narrow_float_row, float)
NARROW_ROW(narrow_double_row, double)

FOR_EACH_CPU
static void float_row(const float *row, Py_ssize_t width, Figures *found)
{
    Floats low[2] = {{0}, {0}}, high[2] = {{0}, {0}};
    Doubles totals[4] = {{0}, {0}, {0}, {0}}, squares[4] = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < 2; i++) {
        low[i] = low[i] + __builtin_inff();
        high[i] = high[i] - __builtin_inff();
    }
    for (Py_ssize_t at = 0; at + LANES <= width; at += LANES) {
        for (int i = 0; i < 2; i++) {
            Floats x = *(const Floats *)(row + at + 8 * i);
            low[i] = (Floats)PICK(FloatMask, x < low[i], x, low[i]);
            high[i] = (Floats)PICK(FloatMask, x > high[i], x, high[i]);
        }
        for (int i = 0; i < 4; i++) {
            Doubles x = __builtin_convertvector(*(const FewFloats *)(row + at + 4 * i), Doubles);
            totals[i] += x;
            squares[i] += x * x;
        }
    }
    float_row_ends(row, width, (float *)low, (float *)high, (double *)totals, (double *)squares,
                   found);
}

FOR_EACH_CPU
static void double_row(const double *row, Py_ssize_t width, Figures *found)
{
    Doubles low[4] = {{0}, {0}, {0}, {0}}, high[4] = {{0}, {0}, {0}, {0}};
    Doubles totals[4] = {{0}, {0}, {0}, {0}}, squares[4] = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < 4; i++) {
        low[i] = low[i] + __builtin_inf();
        high[i] = high[i] - __builtin_inf();
    }
    for (Py_ssize_t at = 0; at + LANES <= width; at += LANES)
        for (int i = 0; i < 4; i++) {
            Doubles x = *(const Doubles *)(row + at + 4 * i);
            low[i] = (Doubles)PICK(DoubleMask, x < low[i], x, low[i]);
            high[i] = (Doubles)PICK(DoubleMask, x > high[i], x, high[i]);
            totals[i] += x;
            squares[i] += x * x;
        }
    double_row_ends(row, width, (double *)low, (double *)high, (double *)totals,
                    (double *)squares, found);
}

#define OCTET_ROW(NAME, TYPE, SUM)                                                \
    FOR_EACH_CPU                                                                  \
    static void NAME(const TYPE *row, Py_ssize_t width, Figures *found)           \
    {                                                                             \
        TYPE low = row[0], high = row[0];                                         \
        double total = 0, square = 0;                                             \
        for (Py_ssize_t at = 0; at < width; at += SEGMENT) {                      \
            Py_ssize_t end = width - at < SEGMENT ? width : at + SEGMENT;         \
            SUM sum = 0;                                                          \
            uint32_t squares = 0;                                                 \
            for (Py_ssize_t i = at; i < end; i++) {                               \
                low = row[i] < low ? row[i] : low;                                \
                high = row[i] > high ? row[i] : high;                             \
            }                                                                     \
            for (Py_ssize_t i = at; i < end; i++) {                               \
                int16_t x = row[i];                                               \
                sum += x;                                                         \
                squares += (uint32_t)((int32_t)x * x);                            \
            }                                                                     \
            total += (double)sum;                                                 \
            square += (double)squares;                                            \
        }                                                                         \
        *found = (Figures){low, high, total, square};                             \
    }

OCTET_ROW(unsigned_row, uint8_t, uint32_t)
OCTET_ROW(signed_row, int8_t, int32_t)

/* Copies floats that are each preceded by a tag byte; returns whether all tags are valid. */
static int untag(const unsigned char *from, Py_ssize_t width, float *to)
{
    unsigned char wrong = 0;
    for (Py_ssize_t i = 0; i < width; i++, from += FLOAT_STRIDE) {
        wrong |= from[0] ^ FLOAT_TAG;
        memcpy(to + i, from + 1, 4);
    }
    return !wrong;
}

#if defined(__x86_64__) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))
#define IS_X86 1
#include "rows_x86.h"
#else
#define IS_X86 0
#endif

/* What measures rows on this processor. It is chosen once, when the module is loaded. */
static struct {
    void (*unsigned_row)(const uint8_t *, Py_ssize_t, Figures *);
    void (*float_row)(const float *, Py_ssize_t, Figures *);
    int (*untag)(const unsigned char *, Py_ssize_t, float *);
} best = {unsigned_row, float_row, untag};

/* Chooses the widest instructions that the processor has, and at most those that the variable
   DATASCAN_SIMD of the environment names (none, avx2 or avx512), so that each can be tested. */
static void choose_rows(void)
{
#if IS_X86
    const char *most = getenv("DATASCAN_SIMD");
    __builtin_cpu_init();
    if ((most && !strcmp(most, "none")) || !__builtin_cpu_supports("avx2"))
        return;
    best.unsigned_row = unsigned_row_avx2;
    best.float_row = float_row_avx2;
    best.untag = untag_avx2;
    if ((most && !strcmp(most, "avx2")) || !__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512vnni"))
        return;
    best.unsigned_row = unsigned_row_avx512;
    best.float_row = float_row_avx512;
#endif
}

/* Hashes evenly spaced words of a row. */
static uint64_t mix_words(const unsigned char *row, Py_ssize_t nbytes)
{
    Py_ssize_t stride = nbytes < 8 ? 0 : (nbytes - 8) / (WORDS - 1);
    uint64_t factor = FACTOR, mixed = 0;
    for (int i = 0; i < (stride ? WORDS : 1); i++, factor *= FACTOR) {
        uint64_t word = 0;
        memcpy(&word, row + i * stride, nbytes < 8 ? (size_t)nbytes : 8);
        mixed += (word ^ word >> SHIFT) * factor;
    }
    return mixed;
}

static void put(char type, void *column, Py_ssize_t row, double value)
{
    float narrow = (float)value;
    switch (type) {
    case 'B': ((uint8_t *)column)[row] = (uint8_t)value; break;
    case 'b': ((int8_t *)column)[row] = (int8_t)value; break;
    case 'd': memcpy((char *)column + 8 * row, &value, 8); break;
    default: memcpy((char *)column + 4 * row, &narrow, 4);
    }
}

CONVERTER(take_octets, OCTETS, 1, 0)
CONVERTER(take_offsets, INTS, 1, 0)
CONVERTER(take_doubles, DOUBLES, 1, 0)
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
    char type = kind == 't' ? 'f' : (char)kind;
    Py_ssize_t item = item_bytes(type), stride = kind == 't' ? FLOAT_STRIDE : item;
    Py_ssize_t count = b[OFFSETS].len / 8, last = b[SOURCE].len - width * stride, i = 0;
    const unsigned char *source = b[SOURCE].buf, *offsets = b[OFFSETS].buf;
    void (*measure_floats)(const float *, Py_ssize_t, Figures *) =
        width < LANES ? narrow_float_row : best.float_row;
    void (*measure_doubles)(const double *, Py_ssize_t, Figures *) =
        width < LANES ? narrow_double_row : double_row;
    for (; i < count; i++) {
        int64_t offset = load_int(offsets, i);
        if (offset < 0 || offset > last)
            break;
        const unsigned char *at = source + offset;
        const void *row = at;
        unsigned char sound = 1;
        Figures found;
        if (kind == 't') {
            sound = (unsigned char)best.untag(at, width, scratch);
            row = scratch;
        } else if ((uintptr_t)at % (uintptr_t)item) {
            memcpy(scratch, at, (size_t)(width * item));
            row = scratch;
        }
        switch (kind) {
        case 'B': best.unsigned_row(row, width, &found); break;
        case 'b': signed_row(row, width, &found); break;
        case 'd': measure_doubles(row, width, &found); break;
        default: measure_floats(row, width, &found);
        }
        put(type, b[LOW].buf, i, found.low);
        put(type, b[HIGH].buf, i, found.high);
        put('d', b[TOTALS].buf, i, found.total);
        put('d', b[SQUARES].buf, i, found.square);
        store_int(b[MIXED].buf, i, (int64_t)mix_words(row, width * item));
        ((unsigned char *)b[SOUND].buf)[i] = sound;
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
    char type = kind == 't' ? 'f' : (char)kind;
    if (!columns_fit(b, type, width, kind == 't' ? FLOAT_STRIDE : item_bytes(type)) || !count)
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

static PyMethodDef methods[] = {
    {"mark_repeated", mark_repeated, METH_VARARGS, NULL},
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
