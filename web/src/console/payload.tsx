import { Fragment, useMemo, useState } from "react";
import { Button } from "../ui/button";
import { formatNumber } from "../ui/text";
import css from "./event.module.css";

/** Of longer facts the beginning is shown. */
const SHOWN_AT_MOST = 64 * 1024;
const LONG = 60;

interface Props {
  data: unknown;
  /** Of the file that the whole is kept in. */
  name: string;
}

/** The facts of an event as JSON. */
export function Payload({ data, name }: Props) {
  const text = useMemo(() => JSON.stringify(data, null, 2), [data]);
  const isCut = text.length > SHOWN_AT_MOST;
  const [isWhole, setWhole] = useState(false);
  const lines = text.slice(0, SHOWN_AT_MOST).split("\n");
  const isLong = lines.length > LONG && !isWhole;
  const shown = (isLong ? lines.slice(0, LONG) : lines).join("\n");
  return (
    <div className={css.payload}>
      <pre className={css.code}>
        <code>{isCut ? shown : coloured(shown)}</code>
      </pre>
      {isLong && (
        <Button size="small" onClick={() => setWhole(true)}>
          Show all {formatNumber(lines.length)} lines
        </Button>
      )}
      {isCut && (
        <p className={css.cut}>
          The first 64 KB of {formatNumber(Math.ceil(text.length / 1024))} KB.
          <Button size="small" onClick={() => download(text, name)}>
            Download all of it
          </Button>
        </p>
      )}
    </div>
  );
}

const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

function coloured(text: string) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(PARTS)) {
    const [whole, string, colon] = match;
    const look = string === undefined ? css.literal : colon === undefined ? css.string : css.name;
    const word = string ?? whole;
    parts.push(
      <Fragment key={match.index}>
        {text.slice(from, match.index)}
        <span className={look}>{word}</span>
      </Fragment>,
    );
    from = match.index + word.length;
  }
  return [...parts, text.slice(from)];
}

function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
