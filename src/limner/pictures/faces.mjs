// Draws `count` faces with one library and prints each as a line of JSON: {"svg": ..., "attributes": {...}}.
const [library, first, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

// The library's own generator of chance, replaced by one that starts anew for every face (Park and Miller 1988).
const reseed = (seed) => {
  let state = (seed * 7919 + 1) % 2147483647;
  Math.random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  for (let i = 0; i < 8; i++) Math.random();
};

const dicebear = async (style) => {
  const { createAvatar } = await import("@dicebear/core");
  const drawing = await import(`@dicebear/${style}`);
  const often = { glassesProbability: 35, accessoriesProbability: 35, beardProbability: 25, facialHairProbability: 25 };
  const plain = { ...often, hatProbability: 25, earringsProbability: 25, gestureProbability: 0, bodyIconProbability: 0 };
  return (i) => {
    const avatar = createAvatar(drawing, { seed: `limner ${i}`, ...plain });
    return { svg: avatar.toString(), attributes: avatar.toJson().extra };
  };
};

const facesjs = async () => {
  const { faceToSvgString, generate } = await import("facesjs");
  const genders = ["female", "male"];
  const races = ["asian", "black", "brown", "white"]; // every one equally often; never said
  return (i) => {
    reseed(i + 1);
    const gender = genders[i % 2];
    const face = generate(undefined, { gender, race: races[(i >> 1) % 4] });
    return { svg: faceToSvgString(face), attributes: { gender, ...face } };
  };
};

const draw = library === "facesjs" ? await facesjs() : await dicebear(library);
for (let i = first; i < first + count; i++) console.log(JSON.stringify(draw(i)));
