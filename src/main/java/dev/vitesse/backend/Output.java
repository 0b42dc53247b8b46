// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks a parameter of {@link Kernels} that the call writes. Traces and tests read it. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.PARAMETER)
public @interface Output {
    /** True if the call adds to what the tensor holds; false if it overwrites every element. */
    boolean accumulates() default false;
}
