/** What exchanges cost by list prices. Begin with {@link io.streamrelay.price.PriceTable}. */
@NullMarked
package io.streamrelay.price;

import org.jspecify.annotations.NullMarked;
