/* Rows of bytes and floats on x86 processors with AVX2 or AVX-512, which rows.h chooses from when
   it is loaded.

   Sums of bytes are whole numbers, and floats use the sixteen lanes of the portable code in the same
   order, so every function returns the same bits as the one that it replaces. Nothing is read beyond
   the row; what follows it is fetched, which does nothing if it is not memory. */

#ifndef DATASCAN_ROWS_X86_H
#define DATASCAN_ROWS_X86_H

#include <immintrin.h>

#define FOR_CPU(FEATURES) __attribute__((target(FEATURES)))
#define AVX2 "avx2"
#define FETCH(AT) _mm_prefetch((const char *)(AT) + 8192, _MM_HINT_T0)
#define AVX512 "avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"

/* The smallest of the 32 bytes of `low`, and the largest of `high`. */
FOR_CPU(AVX2)
static inline void reduce_ends(__m256i low, __m256i high, uint8_t *least, uint8_t *most)
{
    const __m128i bytes = _mm_set1_epi16(255);
    __m128i a = _mm_min_epu8(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    __m128i b = _mm_max_epu8(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    b = _mm_xor_si128(b, _mm_set1_epi8(-1)); /* the largest is the smallest of the inverted */
    a = _mm_minpos_epu16(_mm_and_si128(_mm_min_epu8(a, _mm_srli_epi16(a, 8)), bytes));
    b = _mm_minpos_epu16(_mm_and_si128(_mm_min_epu8(b, _mm_srli_epi16(b, 8)), bytes));
    *least = (uint8_t)_mm_cvtsi128_si32(a);
    *most = (uint8_t)~_mm_cvtsi128_si32(b);
}

/* Adds the bytes from `at` to what was found before. */
static inline void finish_bytes(const uint8_t *row, Py_ssize_t at, Py_ssize_t width, uint8_t low,
                                uint8_t high, uint64_t sum, uint64_t square, Figures *found)
{
    for (; at < width; at++) {
        low = row[at] < low ? row[at] : low;
        high = row[at] > high ? row[at] : high;
        sum += row[at];
        square += (uint64_t)row[at] * row[at];
    }
    *found = (Figures){low, high, (double)sum, (double)square};
}

/* The sum of four 64-bit numbers. */
FOR_CPU(AVX2)
static inline uint64_t add_quarters(__m256i numbers)
{
    uint64_t each[4];
    _mm256_storeu_si256((void *)each, numbers);
    return each[0] + each[1] + each[2] + each[3];
}

FOR_CPU(AVX2)
static void unsigned_row_avx2(const uint8_t *row, Py_ssize_t width, Figures *found)
{
    const __m256i zero = _mm256_setzero_si256(), half = _mm256_set1_epi64x(0xFFFFFFFF);
    __m256i low = _mm256_set1_epi8((char)row[0]), high = low, sums = zero, squares = zero;
    Py_ssize_t at = 0;
    while (at + 32 <= width) {
        Py_ssize_t end = width - at < SEGMENT ? width : at + SEGMENT;
        __m256i left = zero, right = zero; /* at most 2048 * 2 * 255 * 255 each */
        for (; at + 32 <= end; at += 32) {
            __m256i x = _mm256_loadu_si256((const void *)(row + at));
            FETCH(row + at);
            __m256i a = _mm256_unpacklo_epi8(x, zero), b = _mm256_unpackhi_epi8(x, zero);
            low = _mm256_min_epu8(low, x);
            high = _mm256_max_epu8(high, x);
            sums = _mm256_add_epi64(sums, _mm256_sad_epu8(x, zero));
            left = _mm256_add_epi32(left, _mm256_madd_epi16(a, a));
            right = _mm256_add_epi32(right, _mm256_madd_epi16(b, b));
        }
        left = _mm256_add_epi64(_mm256_and_si256(left, half), _mm256_srli_epi64(left, 32));
        right = _mm256_add_epi64(_mm256_and_si256(right, half), _mm256_srli_epi64(right, 32));
        squares = _mm256_add_epi64(squares, _mm256_add_epi64(left, right));
    }
    uint8_t least, most;
    reduce_ends(low, high, &least, &most);
    finish_bytes(row, at, width, least, most, add_quarters(sums), add_quarters(squares), found);
}

/* x * x = x * (x - 128) + 128 * x: one instruction multiplies bytes without and with a sign. */
FOR_CPU(AVX512)
static void unsigned_row_avx512(const uint8_t *row, Py_ssize_t width, Figures *found)
{
    const __m512i zero = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    __m512i low = _mm512_set1_epi8((char)row[0]), high = low;
    uint64_t sum = 0;
    int64_t square = 0;
    Py_ssize_t at = 0;
    while (at + 64 <= width) {
        Py_ssize_t end = width - at < SEGMENT ? width : at + SEGMENT;
        __m512i sums = zero, products = zero; /* within 1024 * 4 * 255 * 127 each */
        for (; at + 64 <= end; at += 64) {
            __m512i x = _mm512_loadu_si512((const void *)(row + at));
            FETCH(row + at);
            low = _mm512_min_epu8(low, x);
            high = _mm512_max_epu8(high, x);
            sums = _mm512_dpbusd_epi32(sums, x, ones);
            products = _mm512_dpbusd_epi32(products, x, _mm512_xor_si512(x, sign));
        }
        sum += (uint64_t)_mm512_reduce_add_epi32(sums);
        square += _mm512_reduce_add_epi64(
            _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(products)),
                             _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(products, 1))));
    }
    uint8_t least, most;
    reduce_ends(_mm256_min_epu8(_mm512_castsi512_si256(low), _mm512_extracti64x4_epi64(low, 1)),
                _mm256_max_epu8(_mm512_castsi512_si256(high), _mm512_extracti64x4_epi64(high, 1)),
                &least, &most);
    finish_bytes(row, at, width, least, most, sum, (uint64_t)(square + 128 * (int64_t)sum), found);
}

FOR_CPU(AVX2)
static void float_row_avx2(const float *row, Py_ssize_t width, Figures *found)
{
    float lows[LANES], highs[LANES];
    double totals[LANES], products[LANES];
    __m256 low[2], high[2];
    __m256d sums[4], squares[4];
    for (int i = 0; i < 2; i++) {
        low[i] = _mm256_set1_ps(__builtin_inff());
        high[i] = _mm256_set1_ps(-__builtin_inff());
    }
    for (int i = 0; i < 4; i++)
        sums[i] = squares[i] = _mm256_setzero_pd();
    for (Py_ssize_t at = 0; at + LANES <= width; at += LANES) {
        FETCH(row + at);
        for (int i = 0; i < 2; i++) {
            __m256 x = _mm256_loadu_ps(row + at + 8 * i);
            low[i] = _mm256_min_ps(x, low[i]); /* the second operand if x is NaN, or both are zeros */
            high[i] = _mm256_max_ps(x, high[i]);
        }
        for (int i = 0; i < 4; i++) {
            __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(row + at + 4 * i));
            sums[i] = _mm256_add_pd(sums[i], x);
            squares[i] = _mm256_add_pd(squares[i], _mm256_mul_pd(x, x));
        }
    }
    for (int i = 0; i < 2; i++) {
        _mm256_storeu_ps(lows + 8 * i, low[i]);
        _mm256_storeu_ps(highs + 8 * i, high[i]);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_pd(totals + 4 * i, sums[i]);
        _mm256_storeu_pd(products + 4 * i, squares[i]);
    }
    float_row_ends(row, width, lows, highs, totals, products, found);
}

FOR_CPU(AVX512)
static void float_row_avx512(const float *row, Py_ssize_t width, Figures *found)
{
    __m512 low = _mm512_set1_ps(__builtin_inff()), high = _mm512_set1_ps(-__builtin_inff());
    __m512d sums[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()}, squares[2] = {sums[0], sums[0]};
    for (Py_ssize_t at = 0; at + LANES <= width; at += LANES) {
        __m512 x = _mm512_loadu_ps(row + at);
        FETCH(row + at);
        __m512d a = _mm512_cvtps_pd(_mm512_castps512_ps256(x));
        __m512d b = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
        low = _mm512_min_ps(x, low); /* the second operand if x is NaN, or both are zeros */
        high = _mm512_max_ps(x, high);
        sums[0] = _mm512_add_pd(sums[0], a);
        sums[1] = _mm512_add_pd(sums[1], b);
        squares[0] = _mm512_add_pd(squares[0], _mm512_mul_pd(a, a));
        squares[1] = _mm512_add_pd(squares[1], _mm512_mul_pd(b, b));
    }
    float lows[LANES], highs[LANES];
    double totals[LANES], products[LANES];
    _mm512_storeu_ps(lows, low);
    _mm512_storeu_ps(highs, high);
    for (int i = 0; i < 2; i++) {
        _mm512_storeu_pd(totals + 8 * i, sums[i]);
        _mm512_storeu_pd(products + 8 * i, squares[i]);
    }
    float_row_ends(row, width, lows, highs, totals, products, found);
}

/* Eight tagged floats at a time, 40 bytes: the first and third pair from loads at 0 and 20, the
   second and fourth from loads at 4 and 24. */
FOR_CPU(AVX2)
static int untag_avx2(const unsigned char *from, Py_ssize_t width, float *to)
{
    const __m256i pick = _mm256_setr_epi8(1, 2, 3, 4, 6, 7, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1,
                                          1, 2, 3, 4, 6, 7, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i rest = _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 7, 8, 9, 10, 12, 13, 14,
                                          15, -1, -1, -1, -1, -1, -1, -1, -1, 7, 8, 9, 10, 12, 13,
                                          14, 15);
    const __m256i tags = _mm256_set1_epi8(FLOAT_TAG);
    const __m256i places = _mm256_setr_epi8(-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, -1,
                                            0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1);
    __m256i wrong = _mm256_setzero_si256();
    Py_ssize_t i = 0;
    for (; i + 8 <= width; i += 8, from += 8 * FLOAT_STRIDE) {
        FETCH(from);
        __m256i a = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const void *)from)),
            _mm_loadu_si128((const void *)(from + 20)), 1);
        __m256i b = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const void *)(from + 4))),
            _mm_loadu_si128((const void *)(from + 24)), 1);
        wrong = _mm256_or_si256(wrong, _mm256_and_si256(_mm256_xor_si256(a, tags), places));
        _mm256_storeu_si256((void *)(to + i), _mm256_or_si256(_mm256_shuffle_epi8(a, pick),
                                                              _mm256_shuffle_epi8(b, rest)));
    }
    int sound = _mm256_testz_si256(wrong, wrong);
    for (; i < width; i++, from += FLOAT_STRIDE) {
        sound &= from[0] == FLOAT_TAG;
        memcpy(to + i, from + 1, 4);
    }
    return sound;
}

#endif
