/** A failing tensor side by side: what was expected, what was found, and the error. */
import type { JSX } from "preact";
import type { Picture } from "../../../verdict/site.ts";
import { formatNumber, formatRatio } from "../format.ts";
import { magnitudeColour, ratioColour, type Theme } from "./scale.ts";

const cell = { width: 11, height: 13 };

interface GridProps {
  readonly title: string;
  readonly picture: Picture;
  readonly values: readonly (number | null)[];
  readonly colour: (value: number) => string;
  readonly text: (value: number) => string;
}

/** `head 2` or `channels 8..15`. */
function place({ name, size, cells }: Picture["rows"], index: number): string {
  const [first, last] = [Math.ceil((index * size) / cells), Math.ceil(((index + 1) * size) / cells) - 1];
  return first >= last ? `${name} ${first}` : `${several(name)} ${first}..${last}`;
}

/** `heads`, `queries`. */
function several(name: string): string {
  return name.endsWith("y") ? `${name.slice(0, -1)}ies` : `${name}s`;
}

function Grid({ title, picture, values, colour, text }: GridProps): JSX.Element {
  const { rows, columns } = picture;
  const [width, height] = [columns.cells * cell.width, rows.cells * cell.height];
  const largest = values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const label = `${title}: ${rows.size} ${several(rows.name)} by ${columns.size} ${several(columns.name)}, largest ${text(largest)}`;
  return (
    <figure class="tile">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} style={{ maxWidth: `${width}px` }} role="img" aria-label={label}>
        {values.map((value, index) => {
          const [row, column] = [Math.floor(index / columns.cells), index % columns.cells];
          const where = `${place(rows, row)}, ${place(columns, column)}`;
          return (
            <rect
              key={index}
              x={column * cell.width}
              y={row * cell.height}
              width={cell.width - 1}
              height={cell.height - 1}
              class={value === null ? "not-finite" : ""}
              fill={value === null ? undefined : colour(value)}
            >
              <title>{`${where}: ${value === null ? "not finite" : text(value)}`}</title>
            </rect>
          );
        })}
      </svg>
    </figure>
  );
}

/** Three grids with the same cells. */
export function TensorPicture(props: {
  readonly picture: Picture;
  readonly limit: number;
  readonly theme: Theme;
}): JSX.Element {
  const { picture, limit, theme } = props;
  const { rows, columns, expected, found, error } = picture;
  const most = [...expected, ...found].reduce<number>((high, value) => Math.max(high, value ?? 0), 0);
  const magnitude = { picture, colour: (value: number) => magnitudeColour(value / most, theme), text: formatNumber };
  return (
    <section class="picture" aria-labelledby="picture">
      <h3 id="picture">
        {several(rows.name)} down, {several(columns.name)} across
      </h3>
      <div class="tiles">
        <Grid title="expected, rms" values={expected} {...magnitude} />
        <Grid title="found, rms" values={found} {...magnitude} />
        <Grid
          title="error, in noise"
          picture={picture}
          values={error}
          colour={(value) => ratioColour(value, limit, theme)}
          text={formatRatio}
        />
      </div>
    </section>
  );
}
