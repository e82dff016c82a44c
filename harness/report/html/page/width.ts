/** Sizes of elements. */
import { useLayoutEffect, useState } from "preact/hooks";

/** Inner width of an element in CSS pixels, followed as it changes. */
export function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const node = element.current;
    if (!node) return undefined;
    setWidth(node.clientWidth);
    const follow = new ResizeObserver(() => setWidth(node.clientWidth));
    follow.observe(node);
    return () => follow.disconnect();
  }, [element]);
  return width;
}
