// A component drawn again only if something it was given has changed.
import { Component, type ComponentChild } from "preact";

export function memo<P extends object>(draw: (props: P) => ComponentChild) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as { [name: string]: unknown };
      return Object.entries(next).some(([name, value]) => now[name] !== value);
    }

    override render(props: P): ComponentChild {
      return draw(props);
    }
  };
}
