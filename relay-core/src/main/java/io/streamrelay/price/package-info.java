/** What an exchange costs. Begin with {@link io.streamrelay.price.Cost}. */
@NullMarked
package io.streamrelay.price;

import org.jspecify.annotations.NullMarked;
