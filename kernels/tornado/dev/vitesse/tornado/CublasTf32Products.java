// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

/** The same on tensor cores, which round what they multiply to TF32: 10 bits of mantissa instead of 23. */
public final class CublasTf32Products extends CublasProducts {
    static final String NAME = "vitesse/cublas-tf32";

    @Override
    public String libraryName() {
        return NAME;
    }

    /** By name: these classes come with TornadoVM's SDK, not as a published library. */
    @Override
    Object options() {
        String cublas = "uk.ac.manchester.tornado.cublas.";
        try {
            Class<?> options = Class.forName(cublas + "CuBlasOptions");
            Class<?> modes = Class.forName(cublas + "enums.CuBlasMathMode");
            Object tf32 = modes.getField("CUBLAS_TF32_TENSOR_OP_MATH").get(null);
            return options.getMethod("withMathMode", modes).invoke(options.getConstructor().newInstance(), tf32);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this version of TornadoVM's cuBLAS tasks has no TF32", e);
        }
    }
}
