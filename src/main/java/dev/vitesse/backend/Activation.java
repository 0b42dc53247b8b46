// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** The elementwise functions that follow a linear layer. */
public enum Activation {
    /** x Phi(x), Phi the standard normal distribution function (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
    GELU,
    /** Its tanh form: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
    GELU_TANH,
    RELU,
    TANH
}
