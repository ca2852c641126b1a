// Sigmoid and tanh of 16 floats, and transposes; the products are in lstm_fp32.h and lstm_bf16.h.
#pragma once
#include <immintrin.h>

#include <cstdint>

#define INLINE static inline __attribute__((always_inline))
#define INLINE_MEMBER inline __attribute__((always_inline))

namespace walkfast {

using Floats = __m512;

// expm1(x) as (scale, rest): e^x = scale + scale * rest. x within +-88. The polynomial was fitted
// to (expm1(r) - r) / r^2 on |r| <= ln(2) / 2; its error relative to e^r is 3e-9.
INLINE Floats split_exp(Floats x, Floats& scale) {
  const Floats magic = _mm512_set1_ps(12582912.0f);  // 1.5 * 2^23: adding it rounds to whole numbers
  const Floats shifted = _mm512_fmadd_ps(x, _mm512_set1_ps(1.44269504088896341f), magic);
  const Floats whole = _mm512_sub_ps(shifted, magic);
  const Floats r = _mm512_fnmadd_ps(whole, _mm512_set1_ps(0.693147180559945309f), x);
  Floats q = _mm512_set1_ps(1.3814466849e-03f);
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(8.3687804183e-03f));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(4.1668394215e-02f));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(1.6666520108e-01f));
  q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(4.9999993412e-01f));
  scale = _mm512_scalef_ps(_mm512_set1_ps(1.0f), whole);
  return _mm512_fmadd_ps(q, _mm512_mul_ps(r, r), r);
}

// NaN goes through: min and max return their second argument when either is NaN.
INLINE Floats clamped(Floats x, float limit) {
  return _mm512_max_ps(_mm512_set1_ps(-limit), _mm512_min_ps(_mm512_set1_ps(limit), x));
}

INLINE Floats sigmoid(Floats x) {
  const Floats one = _mm512_set1_ps(1.0f);
  Floats scale;
  const Floats rest = split_exp(clamped(_mm512_sub_ps(_mm512_setzero_ps(), x), 87.0f), scale);
  const Floats below = _mm512_add_ps(one, _mm512_fmadd_ps(scale, rest, scale));
  const Floats guess = _mm512_rcp14_ps(below);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(below, guess, one), guess, guess);
}

INLINE Floats hyperbolic_tangent(Floats x) {
  Floats scale;
  const Floats rest = split_exp(clamped(_mm512_add_ps(x, x), 20.0f), scale);
  const Floats above = _mm512_fmadd_ps(scale, rest, _mm512_sub_ps(scale, _mm512_set1_ps(1.0f)));
  const Floats below = _mm512_add_ps(above, _mm512_set1_ps(2.0f));
  const Floats guess = _mm512_rcp14_ps(below);
  const Floats ratio = _mm512_mul_ps(above, guess);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(below, ratio, above), guess, ratio);
}

INLINE __mmask16 first(int64_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (1u << n) - 1; }

// Rows of 16 numbers of 32 bits into columns.
INLINE void transpose(__m512i row[16]) {
  __m512i half[16];
  for (int i = 0; i < 16; i += 2) {
    half[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
    half[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    row[i] = _mm512_unpacklo_epi64(half[i], half[i + 2]);
    row[i + 1] = _mm512_unpackhi_epi64(half[i], half[i + 2]);
    row[i + 2] = _mm512_unpacklo_epi64(half[i + 1], half[i + 3]);
    row[i + 3] = _mm512_unpackhi_epi64(half[i + 1], half[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    half[i] = _mm512_shuffle_i32x4(row[i], row[i + 4], 0x88);
    half[i + 4] = _mm512_shuffle_i32x4(row[i], row[i + 4], 0xdd);
    half[i + 8] = _mm512_shuffle_i32x4(row[i + 8], row[i + 12], 0x88);
    half[i + 12] = _mm512_shuffle_i32x4(row[i + 8], row[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    row[i] = _mm512_shuffle_i32x4(half[i], half[i + 8], 0x88);
    row[i + 8] = _mm512_shuffle_i32x4(half[i], half[i + 8], 0xdd);
    row[i + 4] = _mm512_shuffle_i32x4(half[i + 4], half[i + 12], 0x88);
    row[i + 12] = _mm512_shuffle_i32x4(half[i + 4], half[i + 12], 0xdd);
  }
}

}  // namespace walkfast
