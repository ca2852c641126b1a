// What one step does to 16 units of one row, forward and backward, after or before the products.
#pragma once
#include "vector_math.h"

namespace walkfast {

struct Gates {
  Floats in, forget, candidate, out;
};

struct Gradients {
  Floats in, forget, candidate, out, cell_before;
};

INLINE Gates activated(const float* sums) {
  return {sigmoid(_mm512_load_ps(sums)), sigmoid(_mm512_load_ps(sums + 16)),
          hyperbolic_tangent(_mm512_load_ps(sums + 32)), sigmoid(_mm512_load_ps(sums + 48))};
}

INLINE Floats next_cell(const Gates& gates, Floats cell) {
  return _mm512_fmadd_ps(gates.forget, cell, _mm512_mul_ps(gates.in, gates.candidate));
}

// s (1 - s) of a sigmoid's value, and 1 - t^2 of a tanh's.
INLINE Floats sigmoid_slope(Floats s) { return _mm512_fnmadd_ps(s, s, s); }
INLINE Floats tanh_slope(Floats t) { return _mm512_fnmadd_ps(t, t, _mm512_set1_ps(1.0f)); }

// Gradients of the sums before the activations, from those of the output and of the cell after.
INLINE Gradients through_cell(const Gates& gates, Floats cell_before, Floats cell, Floats d_output,
                              Floats d_cell) {
  const Floats squashed = hyperbolic_tangent(cell);
  const Floats d_out = _mm512_mul_ps(d_output, squashed);
  d_cell = _mm512_fmadd_ps(_mm512_mul_ps(d_output, gates.out), tanh_slope(squashed), d_cell);
  return {_mm512_mul_ps(_mm512_mul_ps(d_cell, gates.candidate), sigmoid_slope(gates.in)),
          _mm512_mul_ps(_mm512_mul_ps(d_cell, cell_before), sigmoid_slope(gates.forget)),
          _mm512_mul_ps(_mm512_mul_ps(d_cell, gates.in), tanh_slope(gates.candidate)),
          _mm512_mul_ps(d_out, sigmoid_slope(gates.out)), _mm512_mul_ps(d_cell, gates.forget)};
}

}  // namespace walkfast
